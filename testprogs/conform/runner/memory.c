/* memory.c: the buffers of the steps, good ones and bad ones, at the same addresses in every process. */
#include "run.h"

/* Each actor has IOVS rooms: 1 MiB to write, a hole, two pages to write, two pages to read only, a hole. */
enum { HOLE = ROOM, EDGE = ROOM + PAGE, RO = ROOM + 3 * PAGE, SPAN = 2 << 20 };

static char *room(int i) { return (char *)0x200000000 + ((int64_t)me * IOVS + i) * SPAN; }

/* renew gives the actor new pages. */
void renew(void) {
	for (int i = 0; i < IOVS; i++) {
		char *p = room(i);
		if (mmap(p, RO + 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p) fail("mmap");
		if (mprotect(p + HOLE, PAGE, PROT_NONE) || mprotect(p + RO, 2 * PAGE, PROT_READ) || mprotect(p + RO + 2 * PAGE, PAGE, PROT_NONE)) fail("mprotect");
	}
}

void arenas(void) {
	for (me = 0; me < ACTORS; me++) renew();
	me = 0;
}

/* A buffer's word: length 32 bits, kind 8, good bytes before the bad place 20, an odd length 4. */
static int kind(int64_t w) { return w >> 32 & 255; }

void *buffer(int64_t w, int i, size_t *len) {
	static const uint64_t lengths[] = {0, 1ull << 63, ~0ull >> 1, 1ull << 31, ~0ull, 0x7ffff001, 1ull << 32};
	int huge = w >> 60 & 15;
	size_t good = w >> 40 & 0xfffff;
	*len = huge ? lengths[huge % 7] : (uint32_t)w;
	switch (kind(w)) {
	case 0: return room(i);
	case 1: return NULL;
	case 2: return room(i) + HOLE;
	case 3: return room(i) + HOLE - good;
	case 4: return room(i) + RO;
	case 5: return room(i) + RO - good % (2 * PAGE);
	case 6: return (void *)0xffff800000000000;
	case 7: return (void *)0x7ffffffff000;
	default: return (void *)(1ull << 63);
	}
}

void *odd(int64_t kind, void *good) {
	switch (kind) {
	case 0: return good;
	case 1: return NULL;
	case 2: return room(0) + HOLE;
	case 3: return (void *)0xffff800000000000;
	default: return (void *)(1ull << 63);
	}
}

/* usable is how many of a buffer's first bytes may be touched here. */
static size_t usable(int64_t w) {
	size_t len, good = w >> 40 & 0xfffff;
	buffer(w, 0, &len);
	switch (kind(w)) {
	case 0: return len < ROOM ? len : ROOM;
	case 3: return len < good ? len : good;
	case 5: good %= 2 * PAGE; return len < good ? len : good;
	default: return 0;
	}
}

void fill(int64_t w, int i, unsigned seed) {
	size_t n = usable(w), len;
	unsigned char *p = buffer(w, i, &len);
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u;
	for (size_t k = 0; k < n; k++) {
		if (k % 8 == 0) x = x * 6364136223846793005u + 1442695040888963407u;
		p[k] = x >> (k % 8 * 8);
	}
}

void canary(int64_t w, int i) {
	size_t len, n = usable(w);
	void *p = buffer(w, i, &len);
	if (n) memset(p, 0xEE, n);
}

/* What lies behind the bytes that came must be as it was; where a bad place follows, the kernel may have written
   some bytes before it noticed. */
void saybytes(int64_t w, int i, size_t n) {
	size_t len, may = usable(w);
	unsigned char *p = buffer(w, i, &len);
	uint64_t h = 14695981039346656037u;
	if (n > may) n = may;
	if (kind(w) == 0) {
		size_t k = n;
		while (k < may && p[k] == 0xEE) k++;
		if (k < may) say(" touched@%zu", k);
	}
	if (!n) return;
	for (size_t k = 0; k < n; k++) h = (h ^ p[k]) * 1099511628211u;
	say(" ");
	for (size_t k = 0; k < n && k < 4; k++) say("%02x", p[k]);
	if (n > 4) say("..%08x", (unsigned)(h ^ h >> 32));
}

void sayiov(const int64_t *words, int n, size_t got) {
	for (int i = 0; i < n && i < IOVS; i++) {
		size_t len;
		buffer(words[i], i, &len);
		size_t here = got < len ? got : len;
		saybytes(words[i], i, here);
		got -= here;
	}
}

/* The vector lies in a room of its own, zeros behind the four. */
static struct iovec vectors[ACTORS][1100];

struct iovec *iovecs(const int64_t *words, int64_t ptr) {
	for (int i = 0; i < IOVS; i++) vectors[me][i].iov_base = buffer(words[i], i, &vectors[me][i].iov_len);
	return odd(ptr, vectors[me]);
}
