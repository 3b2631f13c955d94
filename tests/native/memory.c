/* The native playout where memory runs out, at each allocation in turn.
 *
 * Nothing may be read or written that was not given, nothing may be kept, and what is asked again
 * when there is memory must work. To be linked with --wrap=calloc --wrap=aligned_alloc.
 *
 * usage: memory
 */

#include <stdio.h>

#include "../../streamplay/playback/_playout.c"

void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);

static int left; /* allocations before one fails; below 0: none does */

static int fails(void) { return left >= 0 && left-- == 0; }
void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

static int sounds(playout *p) {
    float block[300] = {0}, echoed[1000];
    mark marks[NOTES];
    for (int i = 0; i < 300; i++) block[i] = 0.5f;
    playout_write(p, block, 300);
    playout_end(p);
    playout_render(p, block, 300, 0.0, 0, 0.0);
    return block[299] != 0.0f && playout_echoed(p, echoed, marks) >= 0;
}

int main(void) {
    int tried = 0, wrong = 0;
    for (int failing = 0; failing < 8; failing++) {
        left = failing;
        playout *p = playout_new(24000, 1, 500, 10, 10);
        if (p == NULL) {
            tried++;
            continue;
        }
        int heard = playout_echo(p, 1000);
        if (!heard) {
            tried++;
            wrong += !sounds(p); /* without an echo */
            left = -1;
            wrong += !playout_echo(p, 1000);
        }
        left = -1;
        wrong += !sounds(p);
        playout_free(p);
    }
    printf("%d allocations failed: %d wrong\n", tried, wrong);
    return wrong != 0 || tried != 6;
}
