#include "trigram.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_WORDS ((KERNEL_MAX_TRIGRAM + 1u) / 64)
/* A posting is sorted as low half of its trigram and document, within the bucket of the high half. */
#define HALF_BITS 12
#define HALVES (1u << HALF_BITS)
#define DOCUMENT_BITS 20
#define DOCUMENT_MASK ((1u << DOCUMENT_BITS) - 1)
/* Up to here comparing is faster than counting, which looks at all 4096 halves. */
#define FEW 48
#define MAX_VARINT 5
#define MAX_POSTING 3 /* bytes of the varint of a distance below 2^20 */

/* ---- growing ---- */

static enum kernel_status grow(void **data, size_t *capacity, size_t item, size_t needed)
{
    if (needed <= *capacity)
        return KERNEL_OK;
    size_t wanted = *capacity < 16 ? 16 : *capacity;
    while (wanted < needed) {
        if (wanted > SIZE_MAX / 2)
            return KERNEL_NO_MEMORY;
        wanted += wanted / 2;
    }
    if (wanted > SIZE_MAX / item)
        return KERNEL_NO_MEMORY;
    void *grown = realloc(*data, wanted * item);
    if (!grown)
        return KERNEL_NO_MEMORY;
    *data = grown;
    *capacity = wanted;
    return KERNEL_OK;
}

static enum kernel_status reserve(struct kernel_bytes *bytes, size_t more)
{
    if (more > SIZE_MAX - bytes->size)
        return KERNEL_NO_MEMORY;
    void *data = bytes->data;
    enum kernel_status status = grow(&data, &bytes->capacity, 1, bytes->size + more);
    bytes->data = data;
    return status;
}

static void put_u32(struct kernel_bytes *bytes, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        bytes->data[bytes->size++] = (uint8_t)(value >> shift);
}

static uint8_t *put_varint(uint8_t *at, uint32_t value)
{
    while (value >= 128) {
        *at++ = (uint8_t)(value | 128);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* ---- collecting ---- */

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum kernel_status make_room(struct kernel_collector *collector, size_t size)
{
    if (collector->documents == KERNEL_MAX_DOCUMENTS)
        return KERNEL_TOO_LARGE;
    if (!collector->seen) {
        collector->seen = calloc(SEEN_WORDS, sizeof *collector->seen);
        if (!collector->seen)
            return KERNEL_NO_MEMORY;
    }
    size_t capacity = collector->ends_capacity;
    void *ends = collector->ends;
    enum kernel_status status =
        grow(&ends, &capacity, sizeof *collector->ends, (size_t)collector->documents + 1);
    collector->ends = ends;
    collector->ends_capacity = (uint32_t)capacity;
    if (status != KERNEL_OK)
        return status;
    /* One more than there can be: the loop writes before it knows whether a trigram is new. */
    size_t most = min_size(size, KERNEL_MAX_TRIGRAM + 1) + 1;
    if (most > UINT32_MAX - collector->count)
        return KERNEL_TOO_LARGE;
    void *trigrams = collector->trigrams;
    status = grow(&trigrams, &collector->capacity, sizeof *collector->trigrams,
                  collector->count + most);
    collector->trigrams = trigrams;
    return status;
}

/*
 * Add the new trigrams of a line (without newline) at out, and return where they end.
 * Without a branch: one trigram in six is new, which no processor guesses well.
 */
static uint32_t *add_line(uint64_t *seen, const uint8_t *line, const uint8_t *end, uint32_t *out)
{
    if (end - line < 3)
        return out;
    uint32_t trigram = (uint32_t)line[0] << 8 | line[1];
    for (const uint8_t *at = line + 2; at < end; at++) {
        trigram = (trigram << 8 | *at) & KERNEL_MAX_TRIGRAM;
        uint64_t word = seen[trigram >> 6], bit = UINT64_C(1) << (trigram & 63);
        *out = trigram;
        out += !(word & bit);
        seen[trigram >> 6] = word | bit;
    }
    return out;
}

enum kernel_status kernel_collector_add(struct kernel_collector *collector, const uint8_t *content,
                                        size_t size)
{
    enum kernel_status status = make_room(collector, size);
    if (status != KERNEL_OK)
        return status;
    uint32_t *first = collector->trigrams + collector->count, *out = first;
    const uint8_t *end = content + size;
    for (const uint8_t *line = content; line < end;) {
        const uint8_t *line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            line_end = end;
        out = add_line(collector->seen, line, line_end, out);
        line = line_end + 1;
    }
    for (const uint32_t *trigram = first; trigram < out; trigram++)
        collector->seen[*trigram >> 6] = 0;
    collector->count += (size_t)(out - first);
    collector->ends[collector->documents++] = (uint32_t)collector->count;
    return KERNEL_OK;
}

void kernel_collector_free(struct kernel_collector *collector)
{
    free(collector->seen);
    free(collector->trigrams);
    free(collector->ends);
    memset(collector, 0, sizeof *collector);
}

/* ---- building ---- */

/* How far the writing has come: the key that was written last, and how many there are. */
struct writing {
    struct kernel_postings *to;
    uint32_t documents; /* of the segment */
    uint32_t key;
    size_t count;
};

static size_t bitmap_bytes(uint32_t documents)
{
    return ((size_t)documents + 7) / 8;
}

static void put_bitmap(struct kernel_bytes *lists, size_t size, const uint32_t *postings,
                       size_t count)
{
    uint8_t *bitmap = lists->data + lists->size;
    memset(bitmap, 0, size);
    for (size_t i = 0; i < count; i++) {
        uint32_t document = postings[i] & DOCUMENT_MASK;
        bitmap[document / 8] |= (uint8_t)(1u << document % 8);
    }
    lists->size += size;
}

/* Write distances, or a bitmap if that is no longer; the document is in a posting's low bits. */
static void put_documents(struct kernel_bytes *lists, size_t bitmap, const uint32_t *postings,
                          size_t count)
{
    uint8_t *start = lists->data + lists->size, *at = start;
    uint32_t next = 0;
    for (size_t i = 0; i < count && count < bitmap; i++) {
        uint32_t document = postings[i] & DOCUMENT_MASK;
        at = put_varint(at, document - next);
        next = document + 1;
    }
    if (count < bitmap && (size_t)(at - start) < bitmap)
        lists->size += (size_t)(at - start);
    else
        put_bitmap(lists, bitmap, postings, count);
}

static enum kernel_status put_list(struct writing *writing, uint32_t trigram,
                                   const uint32_t *postings, size_t count)
{
    struct kernel_postings *to = writing->to;
    size_t bitmap = bitmap_bytes(writing->documents);
    if (reserve(&to->lists, count * MAX_POSTING + bitmap) || reserve(&to->keys, 2 * MAX_VARINT) ||
        reserve(&to->blocks, KERNEL_BLOCK_BYTES))
        return KERNEL_NO_MEMORY;
    size_t start = to->lists.size;
    if (start > UINT32_MAX || to->keys.size > UINT32_MAX)
        return KERNEL_TOO_LARGE;
    put_documents(&to->lists, bitmap, postings, count);
    uint8_t *key = to->keys.data + to->keys.size;
    if (writing->count % KERNEL_BLOCK_KEYS == 0) {
        put_u32(&to->blocks, trigram);
        put_u32(&to->blocks, (uint32_t)to->keys.size);
        put_u32(&to->blocks, (uint32_t)start);
    } else {
        key = put_varint(key, trigram - writing->key - 1);
    }
    key = put_varint(key, (uint32_t)(to->lists.size - start - 1));
    to->keys.size = (size_t)(key - to->keys.data);
    writing->key = trigram;
    writing->count++;
    return KERNEL_OK;
}

static void insertion_sort(uint32_t *postings, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t posting = postings[i];
        size_t at = i;
        for (; at && postings[at - 1] > posting; at--)
            postings[at] = postings[at - 1];
        postings[at] = posting;
    }
}

static enum kernel_status put_few(struct writing *writing, uint32_t high, uint32_t *postings,
                                  size_t count)
{
    insertion_sort(postings, count);
    for (size_t from = 0, to; from < count; from = to) {
        uint32_t low = postings[from] >> DOCUMENT_BITS;
        for (to = from + 1; to < count && postings[to] >> DOCUMENT_BITS == low;)
            to++;
        enum kernel_status status =
            put_list(writing, high << HALF_BITS | low, postings + from, to - from);
        if (status != KERNEL_OK)
            return status;
    }
    return KERNEL_OK;
}

/* The postings come in the order of their documents, and counting keeps it. */
static enum kernel_status put_many(struct writing *writing, uint32_t high,
                                   const uint32_t *postings, size_t count, uint32_t *sorted)
{
    uint32_t ends[HALVES] = {0};
    for (size_t i = 0; i < count; i++)
        ends[postings[i] >> DOCUMENT_BITS]++;
    for (uint32_t low = 0, sum = 0; low < HALVES; low++) {
        uint32_t here = ends[low];
        ends[low] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        sorted[ends[postings[i] >> DOCUMENT_BITS]++] = postings[i];
    uint32_t from = 0;
    for (uint32_t low = 0; low < HALVES; low++) {
        if (ends[low] == from)
            continue;
        enum kernel_status status =
            put_list(writing, high << HALF_BITS | low, sorted + from, ends[low] - from);
        if (status != KERNEL_OK)
            return status;
        from = ends[low];
    }
    return KERNEL_OK;
}

/* Scatter the postings into buckets by the high half of the trigram; ends tells where each ends. */
static uint32_t *in_buckets(const struct kernel_collector *collector, uint32_t ends[HALVES])
{
    uint32_t *postings = malloc((collector->count + 1) * sizeof *postings);
    if (!postings)
        return NULL;
    memset(ends, 0, HALVES * sizeof *ends);
    for (size_t i = 0; i < collector->count; i++)
        ends[collector->trigrams[i] >> HALF_BITS]++;
    for (uint32_t high = 0, sum = 0; high < HALVES; high++) {
        uint32_t here = ends[high];
        ends[high] = sum;
        sum += here;
    }
    uint32_t i = 0;
    for (uint32_t document = 0; document < collector->documents; document++)
        for (; i < collector->ends[document]; i++) {
            uint32_t trigram = collector->trigrams[i];
            postings[ends[trigram >> HALF_BITS]++] =
                (trigram & (HALVES - 1)) << DOCUMENT_BITS | document;
        }
    return postings;
}

static enum kernel_status put_buckets(uint32_t *postings, const uint32_t ends[HALVES],
                                      uint32_t documents, struct kernel_postings *to)
{
    uint32_t largest = 0;
    for (uint32_t high = 0; high < HALVES; high++) {
        uint32_t count = ends[high] - (high ? ends[high - 1] : 0);
        largest = count > largest ? count : largest;
    }
    uint32_t *sorted = malloc(((size_t)largest + 1) * sizeof *sorted);
    if (!sorted)
        return KERNEL_NO_MEMORY;
    struct writing writing = {to, documents, 0, 0};
    enum kernel_status status = KERNEL_OK;
    for (uint32_t high = 0, from = 0; high < HALVES && status == KERNEL_OK; high++) {
        uint32_t *bucket = postings + from;
        size_t count = ends[high] - from;
        from = ends[high];
        status = count > FEW ? put_many(&writing, high, bucket, count, sorted)
                             : put_few(&writing, high, bucket, count);
    }
    free(sorted);
    return status;
}

enum kernel_status kernel_collector_finish(struct kernel_collector *collector,
                                           struct kernel_postings *postings)
{
    uint32_t ends[HALVES], documents = collector->documents;
    memset(postings, 0, sizeof *postings);
    uint32_t *buckets = in_buckets(collector, ends);
    kernel_collector_free(collector);
    if (!buckets)
        return KERNEL_NO_MEMORY;
    enum kernel_status status = put_buckets(buckets, ends, documents, postings);
    free(buckets);
    if (status != KERNEL_OK)
        kernel_postings_free(postings);
    return status;
}

void kernel_postings_free(struct kernel_postings *postings)
{
    free(postings->blocks.data);
    free(postings->keys.data);
    free(postings->lists.data);
    memset(postings, 0, sizeof *postings);
}

/* ---- finding ---- */

struct reading {
    const uint8_t *at, *end;
};

/* Read a shortest varint of at most 32 bits. */
static bool get_varint(struct reading *reading, uint32_t *value)
{
    uint32_t read = 0;
    for (int shift = 0; shift < 35 && reading->at < reading->end; shift += 7) {
        uint8_t byte = *reading->at++;
        if (shift == 28 && byte > 15)
            return false;
        read |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) {
            *value = read;
            return byte || !shift;
        }
    }
    return false;
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Give the posting list of a trigram; one that does not occur has an empty list. */
static enum kernel_status find_list(const struct kernel_view *view, uint32_t trigram,
                                    struct reading *list)
{
    size_t blocks = view->blocks_size / KERNEL_BLOCK_BYTES, low = 0, high = blocks;
    list->at = list->end = view->lists;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (get_u32(view->blocks + middle * KERNEL_BLOCK_BYTES) <= trigram)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return KERNEL_OK;
    const uint8_t *block = view->blocks + (low - 1) * KERNEL_BLOCK_BYTES;
    uint32_t key = get_u32(block), keys_start = get_u32(block + 4);
    size_t start = get_u32(block + 8);
    size_t keys_end = low < blocks ? get_u32(block + KERNEL_BLOCK_BYTES + 4) : view->keys_size;
    if (keys_start > keys_end || keys_end > view->keys_size)
        return KERNEL_DAMAGED;
    struct reading keys = {view->keys + keys_start, view->keys + keys_end};
    for (uint32_t length, distance;; start += (size_t)length + 1) {
        if (!get_varint(&keys, &length))
            return KERNEL_DAMAGED;
        if (key == trigram) {
            if (start > view->lists_size || length >= view->lists_size - start)
                return KERNEL_DAMAGED;
            list->at = view->lists + start;
            list->end = list->at + length + 1;
            return KERNEL_OK;
        }
        if (key > trigram || keys.at == keys.end)
            return KERNEL_OK;
        if (!get_varint(&keys, &distance) || distance >= KERNEL_MAX_TRIGRAM - key)
            return KERNEL_DAMAGED;
        key += distance + 1;
    }
}

static enum kernel_status read_bitmap(const struct reading *list, uint32_t documents, uint64_t *set)
{
    size_t size = (size_t)(list->end - list->at);
    for (size_t i = 0; i < size; i++)
        set[i / 8] |= (uint64_t)list->at[i] << i % 8 * 8;
    return documents % 64 && set[documents / 64] >> documents % 64 ? KERNEL_DAMAGED : KERNEL_OK;
}

static enum kernel_status read_distances(struct reading *list, uint32_t documents, uint64_t *set)
{
    for (uint32_t next = 0, distance; list->at < list->end; next++) {
        if (*list->at < 128)
            distance = *list->at++;
        else if (!get_varint(list, &distance))
            return KERNEL_DAMAGED;
        if (next >= documents || distance >= documents - next)
            return KERNEL_DAMAGED;
        next += distance;
        set[next / 64] |= UINT64_C(1) << next % 64;
    }
    return KERNEL_OK;
}

/* Set the bits of the documents that have the trigram, in a set that is empty. */
static enum kernel_status read_documents(const struct kernel_view *view, uint32_t trigram,
                                         uint64_t *set)
{
    struct reading list;
    enum kernel_status status = find_list(view, trigram, &list);
    if (status != KERNEL_OK || list.at == list.end)
        return status;
    if ((size_t)(list.end - list.at) == bitmap_bytes(view->documents))
        return read_bitmap(&list, view->documents, set);
    return read_distances(&list, view->documents, set);
}

static bool is_none(const uint64_t *set, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (set[i])
            return false;
    return true;
}

static void put_all(uint64_t *set, uint32_t documents)
{
    memset(set, 0xff, documents / 64 * sizeof *set);
    if (documents % 64)
        set[documents / 64] = (UINT64_C(1) << documents % 64) - 1;
}

struct machine {
    uint64_t *sets;
    size_t words, depth, capacity; /* words of a set; sets on the stack; room for sets */
};

static enum kernel_status push(struct machine *machine, uint64_t **set)
{
    void *sets = machine->sets;
    enum kernel_status status = grow(&sets, &machine->capacity,
                                     machine->words * sizeof *machine->sets, machine->depth + 1);
    machine->sets = sets;
    if (status != KERNEL_OK)
        return status;
    *set = machine->sets + machine->depth++ * machine->words;
    memset(*set, 0, machine->words * sizeof **set);
    return KERNEL_OK;
}

static enum kernel_status step(struct machine *machine, const struct kernel_view *view,
                               uint32_t instruction)
{
    if (instruction == KERNEL_AND || instruction == KERNEL_OR) {
        if (machine->depth < 2)
            return KERNEL_BAD_PROGRAM;
        uint64_t *top = machine->sets + --machine->depth * machine->words;
        uint64_t *below = top - machine->words;
        for (size_t i = 0; i < machine->words; i++)
            below[i] = instruction == KERNEL_AND ? below[i] & top[i] : below[i] | top[i];
        return KERNEL_OK;
    }
    if (instruction > KERNEL_PUSH_ALL)
        return KERNEL_BAD_PROGRAM;
    uint64_t *set;
    enum kernel_status status = push(machine, &set);
    if (status != KERNEL_OK)
        return status;
    if (instruction == KERNEL_PUSH_ALL)
        put_all(set, view->documents);
    return instruction <= KERNEL_MAX_TRIGRAM ? read_documents(view, instruction, set) : KERNEL_OK;
}

static enum kernel_status run(struct machine *machine, const struct kernel_view *view,
                              const uint32_t *program, size_t instructions)
{
    for (size_t at = 0; at < instructions; at++) {
        if (program[at] == KERNEL_SKIP_IF_NONE) {
            if (!machine->depth || ++at >= instructions || program[at] >= instructions - at)
                return KERNEL_BAD_PROGRAM;
            if (is_none(machine->sets + (machine->depth - 1) * machine->words, machine->words))
                at += program[at];
            continue;
        }
        enum kernel_status status = step(machine, view, program[at]);
        if (status != KERNEL_OK)
            return status;
    }
    return machine->depth == 1 ? KERNEL_OK : KERNEL_BAD_PROGRAM;
}

static enum kernel_status list_set(const uint64_t *set, size_t words, uint32_t **found,
                                   size_t *found_count)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(set[i]);
    uint32_t *documents = malloc((count + 1) * sizeof *documents);
    if (!documents)
        return KERNEL_NO_MEMORY;
    size_t put = 0;
    for (size_t i = 0; i < words; i++)
        for (uint64_t left = set[i]; left; left &= left - 1)
            documents[put++] = (uint32_t)(i * 64 + (size_t)__builtin_ctzll(left));
    *found = documents;
    *found_count = count;
    return KERNEL_OK;
}

enum kernel_status kernel_candidates(const struct kernel_view *view, const uint32_t *program,
                                     size_t instructions, uint32_t **found, size_t *found_count)
{
    if (view->documents > KERNEL_MAX_DOCUMENTS || view->blocks_size % KERNEL_BLOCK_BYTES)
        return KERNEL_DAMAGED;
    /* One word at least, so that a set has an address. */
    struct machine machine = {NULL, view->documents / 64 + 1, 0, 0};
    enum kernel_status status = run(&machine, view, program, instructions);
    if (status == KERNEL_OK)
        status = list_set(machine.sets, machine.words, found, found_count);
    free(machine.sets);
    return status;
}
