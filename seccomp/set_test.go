package seccomp

import (
	"reflect"
	"testing"
)

func TestSet(t *testing.T) {
	s := Of(3, 64, 200, -1)
	for fd, want := range map[int]bool{3: true, 64: true, 200: true, -1: false, 4: false, 1000: false} {
		if s.Has(fd) != want {
			t.Errorf("Has(%d) = %v", fd, !want)
		}
	}
	if got := s.Fds(); !reflect.DeepEqual(got, []int{3, 64, 200}) {
		t.Error("Fds:", got)
	}
	if s.Len() != 3 || s.Empty() || !(Set{}).Empty() || (Set{All: true}).Empty() {
		t.Error("Len or Empty is wrong")
	}
	all := Set{All: true}
	if !all.Has(12345) || all.Has(-1) {
		t.Error("All holds every descriptor and no negative number")
	}
}

func TestUnionStandsAlone(t *testing.T) {
	a, b := Of(1, 70), Of(2)
	for _, u := range []Set{a.Union(b), b.Union(a)} {
		if !reflect.DeepEqual(u.Fds(), []int{1, 2, 70}) {
			t.Error(u.Fds())
		}
		u.Add(5)
	}
	if a.Has(5) || b.Has(5) || a.Has(2) || b.Has(1) {
		t.Error("a union must not share storage")
	}
	if !a.Union(Set{All: true}).Has(999) {
		t.Error("a union with All is All")
	}
}

func TestSpans(t *testing.T) {
	if got := Of(1, 2, 3, 5, 63, 64).spans(); !reflect.DeepEqual(got, []span{{1, 3}, {5, 5}, {63, 64}}) {
		t.Error(got)
	}
	if got := join([]span{{0, 1}, {3, 3}, {10, 10}, {30, 31}}, 3); !reflect.DeepEqual(got, []span{{0, 3}, {10, 10}, {30, 31}}) {
		t.Error(got)
	}
}
