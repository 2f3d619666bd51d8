/*
 * Runs the trigram kernel on random and on hostile input; test_kernel_sanitized.py builds it
 * with sanitizers.  It ends with a line on what is wrong, or with status 0.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long allocations_left = -1; /* before one fails; -1: none does */

static int may_allocate(void)
{
    if (allocations_left == 0)
        return 0;
    if (allocations_left > 0)
        allocations_left--;
    return 1;
}

static void *scarce_malloc(size_t size)
{
    return may_allocate() ? malloc(size) : NULL;
}

static void *scarce_calloc(size_t count, size_t size)
{
    return may_allocate() ? calloc(count, size) : NULL;
}

static void *scarce_realloc(void *old, size_t size)
{
    return may_allocate() ? realloc(old, size) : NULL;
}

#define malloc scarce_malloc
#define calloc scarce_calloc
#define realloc scarce_realloc
#include "trigram.c"
#undef malloc
#undef calloc
#undef realloc

#define MOST_DOCUMENTS 200
#define MOST_BYTES 300
#define MOST_INSTRUCTIONS 12

static uint64_t state = 88172645463325252u;

static uint32_t any(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static void fail(const char *what)
{
    printf("%s\n", what);
    exit(1);
}

struct text {
    uint8_t *data; /* exactly as large as it is long: a byte too far is noticed */
    size_t size;
};

static struct text random_text(void)
{
    static const uint8_t few[] = "aab\n\xff";
    struct text text = {NULL, any(4) ? any(40) : any(MOST_BYTES)};
    text.data = malloc(text.size ? text.size : 1);
    int is_wide = !any(5);
    for (size_t i = 0; i < text.size; i++)
        text.data[i] = is_wide ? (uint8_t)any(256) : few[any(sizeof few - 1)];
    return text;
}

static int has(const struct text *text, uint32_t trigram)
{
    for (size_t i = 0; i + 2 < text->size; i++) {
        const uint8_t *at = text->data + i;
        if (((uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]) == trigram)
            return at[0] != '\n' && at[1] != '\n' && at[2] != '\n';
    }
    return 0;
}

static uint8_t *exact(const struct kernel_bytes *bytes)
{
    uint8_t *copy = malloc(bytes->size ? bytes->size : 1);
    if (bytes->size)
        memcpy(copy, bytes->data, bytes->size);
    return copy;
}

static struct kernel_view view_of(const struct kernel_postings *postings, uint32_t documents)
{
    struct kernel_view view = {
        exact(&postings->blocks), exact(&postings->keys), exact(&postings->lists),
        postings->blocks.size,    postings->keys.size,    postings->lists.size,
        documents,
    };
    return view;
}

static void free_view(struct kernel_view *view)
{
    free((void *)view->blocks);
    free((void *)view->keys);
    free((void *)view->lists);
}

static uint32_t some_trigram(void)
{
    static const uint8_t few[] = "ab\n\xff";
    return (uint32_t)few[any(4)] << 16 | (uint32_t)few[any(4)] << 8 | few[any(4)];
}

static void check_answers(const struct kernel_view *view, const struct text *texts)
{
    for (int round = 0; round < 8; round++) {
        uint32_t trigram = some_trigram(), *found, next = 0;
        size_t count;
        if (kernel_candidates(view, &trigram, 1, &found, &count) != KERNEL_OK)
            fail("its own postings are refused");
        for (size_t i = 0; i < view->documents; i++) {
            int is_found = next < count && found[next] == i;
            if (is_found != has(&texts[i], trigram))
                fail("a document is missing or one too many");
            next += (uint32_t)is_found;
        }
        free(found);
    }
}

/* Any program: what makes sense gives documents in order, what does not is refused. */
static void run_anything(const struct kernel_view *view)
{
    uint32_t program[MOST_INSTRUCTIONS], length = any(MOST_INSTRUCTIONS + 1), *found = NULL;
    size_t count = 0;
    for (uint32_t i = 0; i < length; i++)
        program[i] = any(2) ? some_trigram() : any(8) ? KERNEL_PUSH_NONE + any(6) : any(5);
    uint32_t *copy = malloc(sizeof program);
    memcpy(copy, program, length * sizeof *program);
    if (kernel_candidates(view, copy, length, &found, &count) == KERNEL_OK)
        for (size_t i = 0; i < count; i++)
            if (found[i] >= view->documents || (i && found[i] <= found[i - 1]))
                fail("documents that are not there, or out of order");
    free(found);
    free(copy);
}

static void damage(uint8_t *data, size_t *size)
{
    if (*size && !any(4))
        *size = any((uint32_t)*size);
    for (uint32_t i = any(4); *size && i; i--)
        data[any((uint32_t)*size)] = any(3) ? (uint8_t)any(256) : (uint8_t)(any(2) ? 0xff : 0x80);
}

static enum kernel_status collect(const struct text *texts, uint32_t documents,
                                  struct kernel_postings *postings)
{
    struct kernel_collector collector = {0};
    for (uint32_t i = 0; i < documents; i++) {
        enum kernel_status status = kernel_collector_add(&collector, texts[i].data, texts[i].size);
        if (status != KERNEL_OK) {
            kernel_collector_free(&collector);
            return status;
        }
    }
    return kernel_collector_finish(&collector, postings);
}

/* Let the first allocation fail, then the second, and so on until none does. */
static void starve(const struct text *texts, uint32_t documents)
{
    static const uint32_t program[] = {KERNEL_PUSH_ALL, 0x616161, KERNEL_AND};
    for (long allowed = 0;; allowed++) {
        struct kernel_postings postings;
        allocations_left = allowed;
        enum kernel_status status = collect(texts, documents, &postings);
        if (status == KERNEL_OK) {
            struct kernel_view view = {
                postings.blocks.data, postings.keys.data, postings.lists.data,
                postings.blocks.size, postings.keys.size, postings.lists.size, documents,
            };
            uint32_t *found = NULL;
            size_t count;
            status = kernel_candidates(&view, program, 3, &found, &count);
            free(found);
            kernel_postings_free(&postings);
        }
        allocations_left = -1;
        if (status == KERNEL_OK)
            return;
        if (status != KERNEL_NO_MEMORY)
            fail("want of memory was called something else");
    }
}

static void one_round(void)
{
    struct text texts[MOST_DOCUMENTS];
    struct kernel_postings postings;
    uint32_t documents = any(3) ? any(20) : any(MOST_DOCUMENTS + 1);
    for (uint32_t i = 0; i < documents; i++)
        texts[i] = random_text();
    if (!any(8))
        starve(texts, documents);
    if (collect(texts, documents, &postings) != KERNEL_OK)
        fail("good documents are refused");
    struct kernel_view view = view_of(&postings, documents);
    check_answers(&view, texts);
    for (int i = 0; i < 20; i++)
        run_anything(&view);
    free_view(&view);
    for (int i = 0; i < 20; i++) {
        view = view_of(&postings, any(3) ? documents : any(KERNEL_MAX_DOCUMENTS + 2));
        damage((uint8_t *)view.blocks, &view.blocks_size);
        damage((uint8_t *)view.keys, &view.keys_size);
        damage((uint8_t *)view.lists, &view.lists_size);
        for (int j = 0; j < 10; j++)
            run_anything(&view);
        free_view(&view);
    }
    kernel_postings_free(&postings);
    for (uint32_t i = 0; i < documents; i++)
        free(texts[i].data);
}

int main(int count, char **arguments)
{
    long rounds = count > 1 ? atol(arguments[1]) : 100;
    for (long round = 0; round < rounds; round++)
        one_round();
    return 0;
}
