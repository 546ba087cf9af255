package shell

import (
	"fmt"
	"strings"
)

// A Verb is one command of the command line, as completion must know it.
type Verb struct {
	Name, Usage string
	Options     []Option
	Words       []string // what its argument may be
	Program     bool     // a program and its arguments follow
}

// An Option is one of a verb's options.
type Option struct {
	Names []string // with their dashes
	Usage string
	Value Value
	Words []string // for a value of kind OneOf
}

// A Value is what an option takes.
type Value uint8

// The kinds of values.
const (
	None Value = iota
	File
	OneOf
)

// Completion is the script that makes a shell complete sluice's words; shell is bash or zsh.
func Completion(shell string, verbs []Verb) (string, error) {
	switch shell {
	case "bash":
		return bash(verbs), nil
	case "zsh":
		return zsh(verbs), nil
	}
	return "", fmt.Errorf("completion is there for bash and zsh, not for %q", shell)
}

func bash(verbs []Verb) string {
	var b strings.Builder
	b.WriteString(`# Completion for bash:  source <(sluice completion bash)

# The words from the first program's name on are completed as that program's own.
_sluice_program() {
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif (( $1 == COMP_CWORD )); then
		COMPREPLY=($(compgen -c -- "$2"))
	else
		COMPREPLY=($(compgen -f -- "$2"))
	fi
}

_sluice() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i
	COMPREPLY=()
	if (( COMP_CWORD == 1 )); then
`)
	var names []string
	for _, v := range verbs {
		names = append(names, v.Name)
	}
	fmt.Fprintf(&b, "\t\tCOMPREPLY=($(compgen -W %q -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n", strings.Join(names, " ")+" --help --version")
	for _, v := range verbs {
		fmt.Fprintf(&b, "\t%s)\n", v.Name)
		if v.Program {
			fmt.Fprintf(&b, `		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			--) _sluice_program $((i + 1)) "$cur"; return ;;
			%s) ((i++)) ;;
			-*) ;;
			*) _sluice_program "$i" "$cur"; return ;;
			esac
		done
`, strings.Join(valued(v), "|"))
		}
		b.WriteString("\t\tcase $prev in\n")
		words := append([]string(nil), v.Words...)
		for _, o := range v.Options {
			words = append(words, o.Names...)
			switch o.Value {
			case File:
				fmt.Fprintf(&b, "\t\t%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", strings.Join(o.Names, "|"))
			case OneOf:
				fmt.Fprintf(&b, "\t\t%s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", strings.Join(o.Names, "|"), strings.Join(o.Words, " "))
			}
		}
		b.WriteString("\t\tesac\n")
		if v.Program {
			b.WriteString("\t\tif [[ $cur != -* ]]; then\n\t\t\t_sluice_program \"$COMP_CWORD\" \"$cur\"\n\t\t\treturn\n\t\tfi\n")
			words = append(words, "--")
		}
		fmt.Fprintf(&b, "\t\tCOMPREPLY=($(compgen -W %q -- \"$cur\"))\n\t\t;;\n", strings.Join(words, " "))
	}
	b.WriteString("\tesac\n}\n\ncomplete -F _sluice sluice\n")
	return b.String()
}

// valued are the options whose value is the next word.
func valued(v Verb) []string {
	var names []string
	for _, o := range v.Options {
		if o.Value != None {
			names = append(names, o.Names...)
		}
	}
	return names
}

func zsh(verbs []Verb) string {
	var b strings.Builder
	b.WriteString("#compdef sluice\n# Completion for zsh:  source <(sluice completion zsh)\n\n_sluice() {\n\tlocal -a verbs=(\n")
	for _, v := range verbs {
		fmt.Fprintf(&b, "\t\t%s\n", single(v.Name+":"+v.Usage))
	}
	b.WriteString("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n" +
		"\tlocal verb=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $verb in\n")
	for _, v := range verbs {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments -S", v.Name)
		if v.Program {
			b.WriteString(" -A '-*'")
		}
		for _, o := range v.Options {
			action := ""
			switch o.Value {
			case File:
				action = ":file:_files"
			case OneOf:
				action = ":value:(" + strings.Join(o.Words, " ") + ")"
			}
			for _, name := range o.Names {
				fmt.Fprintf(&b, " \\\n\t\t\t%s", single(name+"["+o.Usage+"]"+action))
			}
		}
		if len(v.Words) > 0 {
			fmt.Fprintf(&b, " \\\n\t\t\t%s", single("1:word:("+strings.Join(v.Words, " ")+")"))
		}
		if v.Program {
			b.WriteString(" \\\n\t\t\t'(-)1:program:_command_names -e' \\\n\t\t\t'*::arguments:_normal'")
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\n\nif [[ $funcstack[1] == _sluice ]]; then\n\t_sluice\nelse\n\tcompdef _sluice sluice\nfi\n")
	return b.String()
}

// single quotes a word for a shell.
func single(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
