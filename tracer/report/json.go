package report

import (
	"strconv"
	"unicode/utf8"

	"sluice/emulate"
)

// json appends the record as one object. The names of its fields are promised in the README.
func (r *record) json(b []byte) []byte {
	t := r.call.Task
	b = append(b, `{"time_ns":`...)
	b = strconv.AppendInt(b, r.at, 10)
	b = append(b, `,"pid":`...)
	b = strconv.AppendInt(b, int64(t.TGID), 10)
	b = append(b, `,"tid":`...)
	b = strconv.AppendInt(b, int64(t.TID), 10)
	b = append(b, `,"comm":`...)
	b = appendString(b, t.Name)
	b = append(b, `,"call":`...)
	b = appendString(b, r.call.Sys.Name)
	b = append(b, `,"args":`...)
	b = appendValue(b, r.view.Args)
	b = append(b, `,"objects":[`...)
	for i, n := range r.view.Named {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":`...)
		b = appendString(b, n.Object)
		b = append(b, `,"fd":`...)
		b = strconv.AppendInt(b, int64(n.FD), 10)
		b = append(b, `,"arg":`...)
		if n.Arg == "" {
			b = append(b, "null"...)
		} else {
			b = appendString(b, n.Arg)
		}
		b = append(b, '}')
	}
	b = append(b, `],"end":`...)
	b = appendString(b, r.end)
	b = append(b, `,"result":`...)
	errno := ""
	switch {
	case r.end == passed || r.end == unfinished:
		b = append(b, "null"...)
	case r.end == interrupted:
		b = append(b, "null"...)
		errno = errnoName(-r.ret)
	case r.ret < 0 && r.ret >= -4095:
		b = append(b, "-1"...)
		errno = errnoName(-r.ret)
	default:
		b = strconv.AppendInt(b, r.ret, 10)
	}
	b = append(b, `,"errno":`...)
	if errno == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, errno)
	}
	b = append(b, `,"blocked_ns":`...)
	b = strconv.AppendInt(b, max(r.blocked, 0), 10)
	if r.call.Also.Injected {
		b = append(b, `,"injected":true`...)
	}
	if r.call.Also.Delayed {
		b = append(b, `,"delayed":true`...)
	}
	return append(b, '}')
}

// appendValue appends what emulate.Shown may hold; fields keep their order.
func appendValue(b []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, x)
	case int64:
		return strconv.AppendInt(b, x, 10)
	case uint64:
		return strconv.AppendUint(b, x, 10)
	case string:
		return appendString(b, x)
	case []any:
		b = append(b, '[')
		for i, item := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, item)
		}
		return append(b, ']')
	case []emulate.Field:
		b = append(b, '{')
		for i, f := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, f.Name)
			b = append(b, ':')
			b = appendValue(b, f.Value)
		}
		return append(b, '}')
	}
	panic("report: a value of a kind that emulate.Shown does not have")
}

// appendString appends a JSON string; bytes that are no UTF-8 become U+FFFD, as RFC 8259 has no other way.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
