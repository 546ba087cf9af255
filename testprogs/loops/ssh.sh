# ssh to an sshd that is its ProxyCommand: all of it goes over pipes, between processes that drop privileges and put
# filters on themselves. LOAD says how much.
d=$OUT/ssh
mkdir -p -m 700 $d
[ $(id -u) = 0 ] && mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f $d/host
ssh-keygen -q -t ed25519 -N '' -f $d/key
cp $d/key.pub $d/authorized
cat >$d/sshd_config <<end
HostKey $d/host
AuthorizedKeysFile $d/authorized
PubkeyAuthentication yes
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
PermitRootLogin yes
PrintMotd no
PrintLastLog no
LogLevel ERROR
Subsystem sftp internal-sftp
end
cat >$d/config <<end
Host *
	ProxyCommand /usr/sbin/sshd -i -f $d/sshd_config
	IdentityFile $d/key
	IdentitiesOnly yes
	UserKnownHostsFile $d/known
	StrictHostKeyChecking no
	LogLevel ERROR
	BatchMode yes
end
me=$(id -un)
s() { ssh -F $d/config "$@"; }

# each of these is a connection of its own
s $me@here 'echo out; echo err >&2; exit 7' 2>&1; echo $?
for i in $(seq ${LOAD:-1}); do
	head -c $((2000000 + i)) /dev/zero | s $me@here "tee $OUT/copy | md5sum; md5sum <$OUT/copy; kill -TERM \$\$"; echo $?
done
s -tt $me@here 'stty -onlcr; tty >/dev/null && echo a terminal; stty size' </dev/null 2>&1 | tr -d '\r'

# these go over one connection, each on a channel
s -M -S $d/control -f -N $me@here >/dev/null 2>&1
m() { s -S $d/control $me@here "$@"; }
seq 50000 | m 'sort -rn | md5sum'
m "head -c $((3000000 * ${LOAD:-1})) /dev/zero" | md5sum
m 'cat; echo end' </dev/null
for i in $(seq $((5 * ${LOAD:-1}))); do (seq $((i * 1000)) | m "md5sum; echo $i >&2; exit $i"; echo $?) >$OUT/n$i 2>&1 & clients="$clients $!"; done
wait $clients
cat $OUT/n* | sort | md5sum
s -S $d/control -O exit $me@here 2>&1
while [ -e $d/control ]; do sleep 0.01; done
echo over
