/* The native playout between two threads, for ThreadSanitizer and AddressSanitizer.
 *
 * One thread is the loop: it writes a sequence in pieces of changing sizes, and, where
 * commands are asked for, pauses, skips and sets levels in between. The other is the
 * callback: it renders blocks of changing sizes and looks at what comes out. Fades are
 * one frame long here, which leaves samples as they are: without commands every frame
 * must come once and in order; with them there may be holes, and never a step back.
 *
 * A third thread reads the echo: what was rendered, in order, with its index; whatever found
 * no room is counted. With commands it is switched off and on in between.
 *
 * All counters begin at START, which may be far beyond what fits 32 bits.
 *
 * usage: threads FRAMES COMMANDS(0|1) [START]
 */

#include <pthread.h>
#include <stdio.h>

#include "../../streamplay/playback/_playout.c"

enum { MOST = 1 << 23, PIECE = 777, BLOCK = 997, KEPT = 5000 };

static int64_t total, start;
static int commands;
static playout *p;
static _Atomic int sent_all, heard_all;

static unsigned roll(unsigned *seed, unsigned sides) {
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % sides;
}

/* Exact in a float, and never zero: silence is told apart. */
static float value_of(int64_t frame) { return (float)(frame + 1) / MOST; }

static void command(unsigned *seed) {
    switch (roll(seed, 50)) {
    case 0: playout_pause(p, 1); break;
    case 1: playout_pause(p, 0); break;
    case 2: {
        int64_t at = playout_position(p), many = playout_written(p) - at;
        int64_t stretches[] = {at, at + many / 4, at + many / 2, at + many};
        playout_skip(p, stretches, 2);
        break;
    }
    case 3: playout_level(p, 1 + roll(seed, 300)); break;
    case 4: playout_end(p); break;
    }
    /* A full ring behind a shut gate would be waited for without end. */
    if (playout_written(p) - playout_position(p) == p->capacity) playout_pause(p, 0);
}

static void *loop_side(void *unused) {
    static float piece[PIECE];
    static note notes[NOTES];
    unsigned seed = 1;
    (void)unused;
    for (int64_t sent = 0; sent < total;) {
        int64_t size = least(1 + roll(&seed, PIECE), total - sent);
        for (int64_t i = 0; i < size; i++) piece[i] = value_of(sent + i);
        sent += playout_write(p, piece, size);
        playout_notes(p, notes, NOTES);
        if (commands) command(&seed);
    }
    playout_pause(p, 0);
    playout_end(p);
    atomic_store(&sent_all, 1);
    return NULL;
}

static void *callback_side(void *wrong) {
    static float block[BLOCK];
    unsigned seed = 7;
    int64_t heard = 0;
    while (!atomic_load(&sent_all) || playout_position(p) < playout_written(p)) {
        int64_t size = 1 + roll(&seed, BLOCK);
        playout_render(p, block, size, 0.0, 0, 0.0);
        for (int64_t i = 0; i < size; i++) {
            if (block[i] == 0.0f) continue;
            int64_t frame = (int64_t)(block[i] * MOST) - 1;
            if (commands ? frame < heard : frame != heard) ++*(int64_t *)wrong;
            heard = frame + 1;
        }
    }
    if (!commands && heard != total) ++*(int64_t *)wrong;
    atomic_store(&heard_all, 1);
    return NULL;
}

/* Look at one round of the echo; return the frames in it. */
static int64_t look(int64_t *next, int64_t *last, int64_t *wrong) {
    static float samples[KEPT];
    static mark marks[NOTES];
    int64_t taken = 0;
    int count = playout_echoed(p, samples, marks);
    for (int i = 0; i < count; i++) {
        if (marks[i].index < *next) ++*wrong;
        *next = marks[i].index + marks[i].frames;
        for (int64_t k = 0; k < marks[i].frames; k++) {
            float sample = samples[taken + k];
            if (sample == 0.0f) continue;
            int64_t frame = (int64_t)(sample * MOST) - 1;
            if (frame <= *last) ++*wrong;
            *last = frame;
        }
        taken += marks[i].frames;
    }
    return taken;
}

static void *echo_side(void *wrong) {
    unsigned seed = 3;
    int64_t next = start, last = -1, taken = 0;
    while (!atomic_load(&heard_all)) {
        taken += look(&next, &last, wrong);
        if (commands && roll(&seed, 20) == 0) playout_echo(p, roll(&seed, 2) ? KEPT : 0);
    }
    taken += look(&next, &last, wrong);
    int64_t rendered = playout_rendered(p) - start;
    if (!commands && taken + playout_echo_lost(p) != rendered) ++*(int64_t *)wrong;
    return NULL;
}

static void begin_ring(spsc *ring, int64_t at) {
    put(&ring->written, at);
    put(&ring->read, at);
}

/* Make it as old as if so many frames had passed already. */
static void begin_at(int64_t at) {
    begin_ring(&p->frames, at);
    begin_ring(&p->told, at);
    begin_ring(&p->echo.frames, at);
    begin_ring(&p->echo.blocks, at);
    put(&p->rendered, at);
    put(&p->end, at);
}

int main(int argc, char **argv) {
    pthread_t loop, callback, reader;
    int64_t wrong = 0, wrong_echo = 0;
    if (argc != 3 && argc != 4) return 2;
    start = argc == 4 ? atoll(argv[3]) : 0;
    total = least(atoll(argv[1]), MOST - 1);
    commands = atoi(argv[2]);
    p = playout_new(24000, 1, 5000, 1, 1);
    if (!playout_echo(p, KEPT)) return 2;
    begin_at(start);
    pthread_create(&reader, NULL, echo_side, &wrong_echo);
    pthread_create(&loop, NULL, loop_side, NULL);
    pthread_create(&callback, NULL, callback_side, &wrong);
    pthread_join(loop, NULL);
    pthread_join(callback, NULL);
    pthread_join(reader, NULL);
    wrong += wrong_echo;
    if (playout_position(p) != start + total) wrong++;
    printf("%lld frames from %lld, commands %d: %lld wrong\n", (long long)total, (long long)start,
           commands, (long long)wrong);
    playout_free(p);
    return wrong != 0;
}
