package testprogs

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tools are the programs that developers use all day.
var tools = []real{
	{name: "make", needs: []string{"make", "make"}, setup: project, script: `make -s clean && make -s -j4 -Otarget && ./sum && make -s -j4; make -q; echo $?`},
	{name: "make that fails", needs: []string{"make", "make"}, setup: project, script: `make -s clean; echo 'int bad(' > lib/f3.c; make -s -j1 2>/dev/null; echo $?`},
	{name: "git clone", needs: []string{"git", "git"}, setup: repository, script: `git clone -q origin $OUT/near && git clone -q --no-local file://$PWD/origin $OUT/far && cd $OUT/far && git fsck && git log --oneline | wc -l && git diff --stat HEAD~20 | cat && git rev-parse HEAD && cat f7 | md5sum`},
	{name: "git log", needs: []string{"git", "git"}, setup: repository, script: `cd origin && git log | head -5; git log -p | grep -c '^+'; git -c core.pager='head -3' -p log --oneline; git archive HEAD | tar t | wc -l; git gc -q && git count-objects`},
	{name: "git fetch and push", needs: []string{"git", "git"}, setup: repository, script: `git clone -q --bare origin $OUT/bare && git clone -q file://$OUT/bare $OUT/w && cd $OUT/w && echo new > f1 && git commit -qam new && git push -q 2>&1; git -C $OUT/bare log --format=%s -2; git submodule status; git stash list`},
	{name: "tar", script: `tar -C "$TESTPROGS" -cz --sort=name c | tar -tz; tar -C "$TESTPROGS" -cz c | tar -xz -C $OUT && diff -r "$TESTPROGS/c" $OUT/c && echo same`},
	{name: "cpio", needs: []string{"cpio", "cpio"}, script: `cd "$TESTPROGS" && find c -type f | sort | cpio -o --quiet | cpio -t --quiet; find c | cpio -o --quiet -H newc | (cd $OUT && cpio -id --quiet) && diff -r c $OUT/c && echo same`},
	{name: "compression", script: `seq 300000 | gzip -1 | gzip -d | md5sum; seq 100000 | bzip2 | bzip2 -d | md5sum; seq 100000 | xz -0 -T2 | xz -d | md5sum`},
	{name: "compiler", needs: []string{"gcc", "gcc"}, script: `printf '#include <stdio.h>\nint main(void) { puts("piped"); return 4; }\n' | gcc -pipe -x c -O1 -o $OUT/a - && $OUT/a | cat; echo ${PIPESTATUS[@]}`},
	{name: "find", script: `find "$TESTPROGS/c" -name '*.c' -exec wc -l {} + | tail -1 | wc -l; find "$TESTPROGS/c" -name '*.h' -print0 | sort -z | xargs -0 -n1 basename`},
	{name: "sort in parallel", script: `seq 100000 | rev | sort --parallel=2 -S 500k --compress-program=gzip -T $OUT | sort -n | md5sum`},
	{name: "odd launchers", script: `setsid -w sh -c 'seq 4 | tac'; nice -n 3 sh -c 'nice | cat'; env -i sh -c 'echo a | cat'; stdbuf -oL seq 3 | cat`},
}

// project is a C program of many files, built by two makes under one that shares its jobs with them.
func project(t *testing.T, dir string) {
	var calls, protos strings.Builder
	for i := range 8 {
		fmt.Fprintf(&protos, "int f%d(int);\n", i)
		fmt.Fprintf(&calls, "\ts += f%d(%d);\n", i, i)
		write(t, filepath.Join(dir, "lib", fmt.Sprintf("f%d.c", i)),
			fmt.Sprintf("#include <stdlib.h>\n#include \"f.h\"\nint f%d(int n) { return abs(-n) * %d; }\n", i, i))
	}
	write(t, filepath.Join(dir, "lib", "f.h"), protos.String())
	write(t, filepath.Join(dir, "app", "main.c"),
		"#include <stdio.h>\n#include \"../lib/f.h\"\nint main(void) {\n\tint s = 0;\n"+calls.String()+"\tprintf(\"sum %d\\n\", s);\n\treturn 0;\n}\n")
	write(t, filepath.Join(dir, "lib", "Makefile"), "objects := $(patsubst %.c,%.o,$(sort $(wildcard *.c)))\nlib.a: $(objects)\n\trm -f $@\n\tar cr $@ $^\n%.o: %.c f.h\n\t$(CC) -O1 -c -o $@ $<\n")
	write(t, filepath.Join(dir, "app", "Makefile"), "main.o: main.c ../lib/f.h\n\t$(CC) -O1 -c -o $@ $<\n")
	write(t, filepath.Join(dir, "Makefile"), "sum: app/main.o lib/lib.a\n\t$(CC) -o $@ $^\napp/main.o lib/lib.a: parts ;\nparts:\n\t+@$(MAKE) -s -C lib\n\t+@$(MAKE) -s -C app\nclean:\n\trm -f sum */*.o */*.a\n.PHONY: parts clean\n")
}

// repository is a git repository with a history.
func repository(t *testing.T, dir string) {
	script := `git init -q -b main origin && cd origin && for i in $(seq 24); do
		seq $i $((i * 50)) > f$((i % 10)); git add . ; git commit -q -m "change $i"; done
		git tag -a -m tag v1 && git branch side HEAD~10`
	c := exec.Command("bash", "-ec", script)
	c.Dir, c.Env = dir, plain(t)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("the repository cannot be made: %v\n%s", err, out)
	}
}
