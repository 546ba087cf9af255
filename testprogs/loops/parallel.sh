# GNU parallel: jobs whose output is kept in order, input spread over jobs by pipes, retries, timeouts. LOAD says how much.
cd "$OUT"
export PARALLEL_HOME=$OUT TMPDIR=$OUT
p() { parallel --will-cite "$@"; }
l=${LOAD:-1}

seq $((20 * l)) | p -j6 -k 'echo {} | md5sum; echo {} >&2' 2>errors | md5sum
sort -n errors | md5sum
seq $((20000 * l)) | p -j3 --pipe -k --block 50k 'wc -l; cat >/dev/null' | awk '{ s += $1 } END { print s }'
seq $((20000 * l)) | p -j3 --pipe --round-robin --block 10k 'awk "{ s += \$1 } END { print s }"' | awk '{ s += $1 } END { print s }'
seq $((5000 * l)) | p -j2 --tee --pipe -k ::: 'wc -l' md5sum
p -j3 -k --retries 3 --tag 'echo x >>try{}; [ $(wc -l <try{}) = 3 ] && echo third {}' ::: a b c; echo $?
p -j2 --timeout 3 'sleep {}' ::: 0 100 2>/dev/null; echo $?
