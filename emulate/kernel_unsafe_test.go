package emulate_test

import "unsafe"

// addressOf is where mapped memory lies.
func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
