# socat between programs over pipes, socketpairs and pseudo terminals, in chains, both ways, with half-closes and timeouts.
# LOAD says how much.
n=$((20000 * ${LOAD:-1}))
bytes=$((3000000 * ${LOAD:-1}))
cd "$OUT"

# out of a child, through pipes and through socketpairs, which socat makes when it is not told otherwise; three in a row
for how in ,pipes ''; do
	echo "exec socat -u -b 777 'EXEC:seq $n$how' -" >third
	echo "exec socat -u -b 4096 'EXEC:sh third$how' -" >second
	socat -u "EXEC:sh second$how" - | md5sum
	socat -u "EXEC:head -c $bytes /dev/zero$how" - | md5sum
done

# what the child answers comes after the half-close, which pipes do not tell it of
echo "exec socat -t 60 - EXEC:md5sum" >third
echo "exec socat -t 60 -b 4096 - 'EXEC:sh third'" >second
seq $n | socat -t 60 -b 777 - 'EXEC:sh second'
head -c $bytes /dev/zero | socat -t 60 - 'EXEC:sh second'
seq $n | socat -t 60 - 'EXEC:sort -rn' | md5sum

# a dialogue: each side is a program of its own, one line at a time
export lines=$((150 * ${LOAD:-1}))
cat >ask <<'end'
i=0
while [ $i -lt $lines ]; do
	echo $i
	read -r x
	[ "$x" = $((i * 2)) ] || echo wrong $x >&2
	i=$((i + 1))
done
echo all $i >&2
end
echo 'while read -r x; do echo $((x * 2)); done' >answer
socat -t 60 'EXEC:sh ask' 'EXEC:sh answer' 2>&1

# a terminal
socat -t 60 -u 'EXEC:seq 1000,pty,raw,echo=0' - 2>/dev/null | tail -n 1

# idle for too long
socat -T 0.2 'EXEC:sleep 1000' 'EXEC:sleep 1000,pipes'
echo idle $?
socat -u EXEC:yes - 2>/dev/null | head -n 1

# a server that forks a child for each of its connections, over a named socket
echo 'read -r x; seq $x | tail -n 1' >serve
socat -t 60 UNIX-LISTEN:socket,fork 'EXEC:sh serve' &
server=$!
until [ -S socket ]; do sleep 0.01; done
for i in $(seq $((12 * ${LOAD:-1}))); do
	echo $((i * 10)) | socat -t 60 - UNIX-CONNECT:socket &
	clients="$clients $!"
done >answers
wait $clients
sort -n answers | md5sum
kill $server
wait
