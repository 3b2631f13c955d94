/* The playout without the GIL: the twin of playout.py, for PortAudio's own thread.
 *
 * playout.py is the reference, and explains what happens here and why; the names
 * are the same, function by function, and the two are held together by a test that
 * gives both the same commands and compares every sample, note and counter. There
 * is no policy here, and nothing of Python: a plain C library, for any interpreter.
 *
 * Threads
 * -------
 * Three: the loop's (one at a time, by the pump's lock), the callback's, and the
 * reader's of the echo (any one thread). Each variable that two of them see has one
 * writer. The rings (`spsc`) are four: the frames, the notes, and the echo's frames
 * and marks. ring.py has their proof, which needs here:
 *
 *   written       its writer  release after the copy: the reader's acquire sees whole
 *                             items below it.
 *   read          its reader  release after the copy: the writer's acquire reuses no
 *                             slot that is still being read.
 *
 * Everything else:
 *
 *   end           loop      release after the frames were written: a callback that
 *                           sees end == read has seen all of the stream.
 *   level, gain,  loop      one word each, relaxed: an older value is a request that
 *   paused                  has not arrived yet.
 *   skips         loop      words that belong together, under a sequence counter: odd
 *                           while they change. The callback tries once a look; torn
 *                           words are a request that has not arrived.
 *   rendered,     callback  one word each, only counted.
 *   starved, lost
 *   echo.on       reader    release after its memory was made, which stays.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#define EXPORT __declspec(dllexport)
#else
#include <time.h>
#define EXPORT __attribute__((visibility("default")))
#endif

enum { NOTES = 1024, RESERVED = 64, SKIPS = 16 }; /* as in ring.py and playout.py */
enum kind { PLAYED, SKIPPED, STALLED, UNDERFLOWED };
enum gate { CLOSED, OPEN, FADING };

typedef struct {
    int64_t kind, position, frames;
    double time, delay;
} note;

typedef struct {
    int64_t index, frames;
    double heard_at;
} mark;

/* The two counters of a ring. Lines of their own: two threads that write to one cache line
 * slow each other down. */
typedef struct {
    _Alignas(64) _Atomic int64_t written;
    _Alignas(64) _Atomic int64_t read;
} spsc;

/* What was rendered, for an echo canceller (reference.py). */
typedef struct {
    float *slots;
    mark *marks;
    spsc frames, blocks;
    _Alignas(64) _Atomic int64_t on, capacity; /* the reader's */
    _Alignas(64) _Atomic int64_t lost;         /* the callback's */
} echo;

typedef struct {
    int64_t capacity;
    int channels, fade, fade_in;
    double samplerate;
    float *slots;
    note *notes;

    spsc frames; /* from the loop to the callback */
    spsc told;   /* notes, from the callback to the loop */

    /* The loop's, read by the callback. */
    _Alignas(64) _Atomic int64_t end, level;
    _Atomic int64_t skips[2 * SKIPS], skip_count;
    _Atomic uint64_t skip_version;
    _Atomic double gain;
    _Atomic int paused;

    /* The callback's, read by the loop. */
    _Alignas(64) _Atomic int64_t rendered, starved, lost;

    /* The callback's own. */
    enum gate gate;
    int fade_out_left, fade_in_left, ramp, ramp_left, disturbed;
    int64_t dry; /* -1: it is not */
    double gain_now, now;
    float *last;

    echo echo;
} playout;

static int64_t get(_Atomic int64_t *value) {
    return atomic_load_explicit(value, memory_order_acquire);
}

static void put(_Atomic int64_t *value, int64_t to) {
    atomic_store_explicit(value, to, memory_order_release);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A counter that only this thread writes. */
static int64_t own(_Atomic int64_t *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void count(_Atomic int64_t *value, int64_t more) { put(value, own(value) + more); }

/* Items that its reader may take, and room that its writer has: see the proof, 3. */
static int64_t available(spsc *ring) { return get(&ring->written) - own(&ring->read); }

static int64_t room(spsc *ring, int64_t capacity) {
    return capacity - (own(&ring->written) - get(&ring->read));
}

/* Copy `count` frames into the slots from number `at` on, or out of them. */
static void copy_in(float *slots, int64_t capacity, size_t ch, int64_t at, const float *from,
                    int64_t count) {
    int64_t start = at % capacity, first = least(count, capacity - start);
    memcpy(slots + (size_t)start * ch, from, (size_t)first * ch * sizeof(float));
    memcpy(slots, from + (size_t)first * ch, (size_t)(count - first) * ch * sizeof(float));
}

static void copy_out(const float *slots, int64_t capacity, size_t ch, int64_t at, float *to,
                     int64_t count) {
    int64_t start = at % capacity, first = least(count, capacity - start);
    memcpy(to, slots + (size_t)start * ch, (size_t)first * ch * sizeof(float));
    memcpy(to + (size_t)first * ch, slots, (size_t)(count - first) * ch * sizeof(float));
}

/* What was handed over, for the callback. */
static int64_t position_of(playout *p) { return own(&p->frames.read); }

/* Making and freeing */

EXPORT void playout_free(playout *p) {
    if (p == NULL) return;
    free(p->slots);
    free(p->notes);
    free(p->last);
    free(p->echo.slots);
    free(p->echo.marks);
    free(p);
}

EXPORT playout *playout_new(double samplerate, int channels, int64_t capacity, int fade,
                            int fade_in) {
    size_t size = (sizeof(playout) + 63) / 64 * 64;
    playout *p = aligned_alloc(64, size);
    if (p == NULL) return NULL;
    memset(p, 0, size);
    p->samplerate = samplerate;
    p->channels = channels;
    p->capacity = capacity;
    p->fade = fade;
    p->fade_in = fade_in;
    p->slots = calloc((size_t)capacity * (size_t)channels, sizeof(float));
    p->notes = calloc(NOTES, sizeof(note));
    p->last = calloc((size_t)channels, sizeof(float));
    p->ramp = fade;
    p->dry = -1;
    p->gain_now = 1.0;
    atomic_store(&p->gain, 1.0);
    atomic_store(&p->level, 1);
    if (p->slots == NULL || p->notes == NULL || p->last == NULL) {
        playout_free(p);
        return NULL;
    }
    return p;
}

/* The loop's side */

EXPORT int64_t playout_written(playout *p) { return get(&p->frames.written); }
EXPORT int64_t playout_position(playout *p) { return get(&p->frames.read); }
EXPORT int64_t playout_rendered(playout *p) { return get(&p->rendered); }
EXPORT int64_t playout_starved(playout *p) { return get(&p->starved); }
EXPORT int64_t playout_lost(playout *p) { return get(&p->lost); }
EXPORT void playout_level(playout *p, int64_t frames) { put(&p->level, frames); }
EXPORT void playout_end(playout *p) { put(&p->end, get(&p->frames.written)); }

EXPORT void playout_pause(playout *p, int paused) {
    atomic_store_explicit(&p->paused, paused, memory_order_relaxed);
}

EXPORT void playout_gain(playout *p, double gain) {
    atomic_store_explicit(&p->gain, gain, memory_order_relaxed);
}

/* `stretches`: start, stop, start, stop… in order; the first SKIPS of them are kept. */
EXPORT void playout_skip(playout *p, const int64_t *stretches, int64_t many) {
    uint64_t version = atomic_load_explicit(&p->skip_version, memory_order_relaxed);
    many = least(many, SKIPS);
    atomic_store_explicit(&p->skip_version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int64_t i = 0; i < 2 * many; i++)
        atomic_store_explicit(&p->skips[i], stretches[i], memory_order_relaxed);
    atomic_store_explicit(&p->skip_count, many, memory_order_relaxed);
    atomic_store_explicit(&p->skip_version, version + 2, memory_order_release);
}

EXPORT int64_t playout_write(playout *p, const float *frames, int64_t many) {
    int64_t written = own(&p->frames.written);
    many = least(many, room(&p->frames, p->capacity));
    copy_in(p->slots, p->capacity, (size_t)p->channels, written, frames, many);
    put(&p->frames.written, written + many); /* after the copy */
    return many;
}

EXPORT int playout_notes(playout *p, note *out, int most) {
    int64_t read = own(&p->told.read);
    int many = (int)least(most, available(&p->told));
    for (int i = 0; i < many; i++) out[i] = p->notes[(read + i) % NOTES];
    put(&p->told.read, read + many); /* after the copy */
    return many;
}

/* The echo: its reader's side */

EXPORT int playout_echo(playout *p, int64_t capacity) {
    echo *e = &p->echo;
    if (capacity > 0 && e->slots == NULL) {
        float *slots = calloc((size_t)capacity * (size_t)p->channels, sizeof(float));
        mark *marks = calloc(NOTES, sizeof(mark));
        if (slots == NULL || marks == NULL) { /* half of it would be taken for all the next time */
            free(slots);
            free(marks);
            return 0;
        }
        e->slots = slots;
        e->marks = marks;
        put(&e->capacity, capacity); /* once: asking again gets as much as at first */
    }
    put(&e->on, capacity > 0);
    return 1;
}

EXPORT int64_t playout_echo_capacity(playout *p) { return get(&p->echo.capacity); }
EXPORT int64_t playout_echo_lost(playout *p) { return get(&p->echo.lost); }

/* Room is for all that it holds. */
EXPORT int playout_echoed(playout *p, float *out, mark *marks) {
    echo *e = &p->echo;
    if (e->slots == NULL) return 0;
    int64_t block = own(&e->blocks.read), read = own(&e->frames.read), taken = 0;
    int many = (int)available(&e->blocks);
    for (int i = 0; i < many; i++) {
        marks[i] = e->marks[(block + i) % NOTES];
        taken += marks[i].frames;
    }
    copy_out(e->slots, get(&e->capacity), (size_t)p->channels, read, out, taken);
    put(&e->frames.read, read + taken); /* after the copies */
    put(&e->blocks.read, block + many);
    return many;
}

/* The callback's side */

static void keep_echo(playout *p, const float *out, int64_t frames, double heard_at) {
    echo *e = &p->echo;
    if (!get(&e->on)) return;
    int64_t capacity = get(&e->capacity);
    if (room(&e->frames, capacity) < frames || room(&e->blocks, NOTES) < 1) {
        count(&e->lost, frames);
        return;
    }
    copy_in(e->slots, capacity, (size_t)p->channels, own(&e->frames.written), out, frames);
    e->marks[own(&e->blocks.written) % NOTES] = (mark){own(&p->rendered), frames, heard_at};
    count(&e->frames.written, frames);
    count(&e->blocks.written, 1); /* last: the reader looks at the marks first */
}

static void tell(playout *p, enum kind kind, int64_t position, int64_t frames, double delay) {
    if (room(&p->told, NOTES) <= (kind == PLAYED ? RESERVED : 0)) {
        count(&p->lost, 1);
        return;
    }
    p->notes[own(&p->told.written) % NOTES] = (note){kind, position, frames, p->now, delay};
    count(&p->told.written, 1); /* after the copy */
}

/* Look for the first skip beyond the position; 0 where there is none, or they are changing. */
static int wanted_skip(playout *p, int64_t *start, int64_t *stop) {
    uint64_t before = atomic_load_explicit(&p->skip_version, memory_order_acquire);
    if (before == 0 || before % 2) return 0;
    int64_t many = least(own(&p->skip_count), SKIPS), at = position_of(p), found = 0;
    for (int64_t i = 0; i < many && !found; i++) {
        *start = own(&p->skips[2 * i]);
        *stop = own(&p->skips[2 * i + 1]);
        found = *stop > at;
    }
    atomic_thread_fence(memory_order_acquire);
    return found && before == atomic_load_explicit(&p->skip_version, memory_order_relaxed);
}

static int is_paused(playout *p) {
    return atomic_load_explicit(&p->paused, memory_order_relaxed);
}

static void drop(playout *p, int64_t stop) {
    int64_t start = position_of(p);
    int64_t many = least(stop, get(&p->frames.written)) - start;
    if (many == 0) return;
    tell(p, SKIPPED, start, many, 0.0); /* before the position that it explains */
    put(&p->frames.read, start + many);
    p->dry = -1;
    p->disturbed = 0;
}

static void close_gate(playout *p, int dry) {
    int ended = dry && get(&p->end) == position_of(p);
    int faded = p->gate == FADING;
    p->gate = CLOSED;
    p->disturbed = !ended;
    p->ramp = faded ? p->fade_out_left : p->fade;
    p->ramp_left = ended ? 0 : p->ramp;
    if (dry && !ended && !faded) p->dry = 0;
}

static void begin_fade_out(playout *p) {
    p->gate = FADING;
    p->fade_out_left = p->fade;
}

static void obey(playout *p) {
    int64_t start, stop, at = position_of(p);
    if (wanted_skip(p, &start, &stop) && start <= at) {
        if (at == start && p->gate == FADING) close_gate(p, 0);
        if (at == start || p->gate == CLOSED)
            drop(p, stop);
        else if (p->gate == OPEN)
            begin_fade_out(p);
    }
    if (is_paused(p) && p->gate == OPEN) begin_fade_out(p);
}

static int missed_nothing(playout *p) { return p->dry == 0 && p->ramp_left == p->fade; }

static int may_open(playout *p) {
    int64_t written = get(&p->frames.written), ahead = written - position_of(p);
    if (is_paused(p) || ahead == 0 || (p->ramp_left && !missed_nothing(p))) return 0;
    return ahead >= get(&p->level) || get(&p->end) == written;
}

static void return_to_sound(playout *p) {
    int64_t at = position_of(p);
    if (p->dry >= 0 && get(&p->end) == at)
        p->disturbed = 0;
    else if (p->dry > 0)
        tell(p, STALLED, at, p->dry, 0.0);
    p->fade_in_left = p->disturbed ? p->fade_in : 0;
    p->gain_now = atomic_load_explicit(&p->gain, memory_order_relaxed);
}

static void open_gate(playout *p) {
    if (!missed_nothing(p)) return_to_sound(p);
    p->gate = OPEN;
    p->ramp_left = 0;
    p->disturbed = 0;
    p->dry = -1;
}

static double next_factor(playout *p, double gain) {
    double step = 1.0 / p->fade;
    if (p->gain_now != gain) {
        double way = gain - p->gain_now;
        if (way < -step) way = -step;
        if (way > step) way = step;
        p->gain_now += way;
    }
    double factor = p->gain_now;
    if (p->fade_in_left) {
        p->fade_in_left--;
        factor *= 1.0 - (double)p->fade_in_left / p->fade_in;
    }
    if (p->gate == FADING) {
        p->fade_out_left--;
        factor *= (double)p->fade_out_left / p->fade;
    }
    return factor;
}

static float limited(double sample) {
    if (sample < -1.0) return -1.0f;
    return (float)(sample > 1.0 ? 1.0 : sample);
}

static void shape(playout *p, float *out, int64_t many) {
    int ch = p->channels;
    double gain = atomic_load_explicit(&p->gain, memory_order_relaxed);
    if (p->gain_now != 1.0 || gain != 1.0 || p->fade_in_left || p->gate == FADING)
        for (int64_t i = 0; i < many; i++) {
            double factor = next_factor(p, gain);
            for (int c = 0; c < ch; c++) out[i * ch + c] = limited(out[i * ch + c] * factor);
        }
    memcpy(p->last, out + (many - 1) * ch, (size_t)ch * sizeof(float));
}

static int64_t play(playout *p, float *out, int64_t most, double delay) {
    int64_t start, stop, at = position_of(p);
    int64_t many = least(most, available(&p->frames));
    int skip = wanted_skip(p, &start, &stop);
    if (p->gate == FADING) many = least(many, p->fade_out_left);
    if (skip) many = least(many, (start > at ? start : stop) - at);
    if (many == 0) {
        close_gate(p, 1);
        return 0;
    }
    tell(p, PLAYED, at, many, delay);
    copy_out(p->slots, p->capacity, (size_t)p->channels, at, out, many);
    put(&p->frames.read, at + many); /* after the copy */
    shape(p, out, many);
    int skipped = skip && at + many == stop;
    if (p->gate == FADING && (p->fade_out_left == 0 || skipped)) {
        close_gate(p, 0);
        p->disturbed = !skipped;
    }
    return many;
}

static int64_t silence(playout *p, float *out, int64_t most) {
    int ch = p->channels;
    int64_t many = p->ramp_left ? least(p->ramp_left, most) : most;
    if (p->dry >= 0 && get(&p->end) == position_of(p)) {
        p->dry = -1;
        p->disturbed = 0;
    } else if (p->dry >= 0 && !is_paused(p)) {
        p->dry += many;
        count(&p->starved, many);
    }
    if (p->ramp_left == 0) memset(out, 0, (size_t)(many * ch) * sizeof(float));
    for (int64_t i = 0; i < many && p->ramp_left; i++) {
        p->ramp_left--;
        double factor = (double)p->ramp_left / p->ramp;
        for (int c = 0; c < ch; c++) out[i * ch + c] = (float)(p->last[c] * factor);
    }
    return many;
}

EXPORT void playout_render(playout *p, float *out, int64_t frames, double now, int late,
                           double delay) {
    p->now = now;
    if (late && p->gate != CLOSED) tell(p, UNDERFLOWED, position_of(p), 0, 0.0);
    for (int64_t done = 0; done < frames;) {
        float *rest = out + done * p->channels;
        obey(p);
        if (p->gate == CLOSED && may_open(p)) open_gate(p);
        if (p->gate == CLOSED)
            done += silence(p, rest, frames - done);
        else
            done += play(p, rest, frames - done, delay + (double)done / p->samplerate);
    }
    keep_echo(p, out, frames, now + delay);
    count(&p->rendered, frames);
}

/* PortAudio's callback (portaudio.h, PaStreamCallback): its types, spelled out. */

typedef struct {
    double input_adc_time, current_time, output_dac_time;
} time_info;

typedef struct {
    _Atomic(playout *) target; /* set before the stream is started; NULL: silence */
    double latency;
    int32_t channels;
    _Atomic int32_t inside;
} seat;

/* Take the playout away from a stream that may still call: whether it is out of the way.
 * Both sides write one variable and then read the other's, in one total order: a callback
 * that is not seen inside will see that there is no playout. */
EXPORT int playout_detach(seat *s) {
    atomic_store(&s->target, NULL);
    return atomic_load(&s->inside) == 0;
}

/* The callback has ended, somewhere in a wave, and another will go on: no callback runs. */
EXPORT void playout_moved(playout *p) {
    p->gate = CLOSED;
    p->disturbed = 1;
    p->ramp_left = p->fade_out_left = p->fade_in_left = 0;
    p->dry = -1;
}

enum { OUTPUT_UNDERFLOW = 4, CONTINUE = 0 };

/* The clock of Python's time.perf_counter. */
static double clock_now(void) {
#if defined(_WIN32)
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&per_second);
    return (double)count.QuadPart / (double)per_second.QuadPart;
#else
#if defined(__APPLE__)
    clockid_t clock = CLOCK_UPTIME_RAW;
#else
    clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#endif
}

EXPORT int playout_callback(const void *input, void *output, unsigned long frames,
                            const time_info *times, unsigned long flags, void *user) {
    (void)input;
    seat *s = user;
    double delay = times->output_dac_time - times->current_time;
    /* ALSA's first callbacks tell no DAC time; the stream's latency is as good there. */
    if (delay == 0.0) delay = s->latency;
    atomic_store(&s->inside, 1);
    playout *p = atomic_load(&s->target);
    if (p != NULL)
        playout_render(p, output, (int64_t)frames, clock_now(),
                       (flags & OUTPUT_UNDERFLOW) != 0, delay);
    else
        memset(output, 0, frames * (size_t)s->channels * sizeof(float));
    atomic_store(&s->inside, 0);
    return CONTINUE;
}
