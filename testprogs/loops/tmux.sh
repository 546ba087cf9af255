# tmux: a server and its client, panes that run commands, text that goes through them, pipes out of them. LOAD says how much.
export TMUX_TMPDIR=$OUT TERM=screen SHELL=/bin/sh
unset TMUX
printf 'set -g history-limit 200000\nset -g remain-on-exit on\n' >$OUT/conf
t() { tmux -f $OUT/conf -L loop "$@"; }
# each command's end is told by a channel of tmux's own
run() { t send-keys -t "$1" "$2; tmux -L loop wait-for -S $3" Enter; t wait-for "$3"; }
text() { t capture-pane -p -t "$1" "${@:2}"; }
# the server reads a terminal when it gets round to it: what was written comes into the picture in the end
lines() { until [ $(text $1 -S - | grep -cE -- "$2") = $3 ]; do sleep 0.02; done; text $1 -S - | grep -E -- "$2"; }

t new-session -d -x 100 -y 30 -s one "PS1='$ ' exec sh"
t split-window -d -t one:0.0 "PS1='% ' exec sh"
t new-window -d -t one:1 "seq $((2000 * ${LOAD:-1})); exit 3"
t new-session -d -x 80 -y 24 -s two cat

for i in $(seq $((8 * ${LOAD:-1}))); do
	run one:0.0 "seq 40 | awk '{ s += \$1 } END { print \"sum\", s * $i }'" a$i
	run one:0.1 "echo $i | md5sum" b$i
done
n=$((8 * ${LOAD:-1}))
lines one:0.0 '^sum' $n | tail -n 2
lines one:0.1 ' -$' $n | md5sum

# much output, and the way it went
run one:0.0 "seq 1000000 $((1004000 + 1000 * ${LOAD:-1}))" much
lines one:0.0 '^100[0-9]{4}$|^10[1-9][0-9]{4}$' $((4001 + 1000 * ${LOAD:-1})) | md5sum
until text one:1 | grep -q 'dead'; do sleep 0.02; done
t list-panes -t one:1 -F '#{pane_dead} #{pane_dead_status} #{pane_width}x#{pane_height}'

# out of a pane into a program, and from a program into a pane
t pipe-pane -t two -O "cat >$OUT/piped"
for i in $(seq $((30 * ${LOAD:-1}))); do t send-keys -t two "line $i" Enter; done
t send-keys -t two C-d
until t list-panes -t two -F '#{pane_dead}' | grep -q 1; do sleep 0.02; done
until [ $(grep -c line $OUT/piped) = $((60 * ${LOAD:-1})) ]; do sleep 0.02; done
tr -d '\r' <$OUT/piped | sort | uniq -c | awk '$1 == 2 && $2 == "line"' | wc -l
seq 300 | t load-buffer -
t save-buffer - | md5sum
t run-shell "seq 5 | tail -n 1"
t if-shell 'exit 1' 'display-message -p yes' 'display-message -p no'
t list-sessions -F '#{session_name} #{session_windows}'

# a client in control mode, on pipes
printf 'list-windows -t one -F "#{window_index} #{window_panes}"\ndisplay-message -p done\n' | t -C attach -t one | grep -E '^([0-9] [0-9]|done)'
t kill-server
while t list-sessions 2>/dev/null; do sleep 0.02; done
echo over
