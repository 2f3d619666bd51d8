/*
 * The trigram kernel: distinct trigrams of contents, their posting lists, and which documents
 * satisfy a condition.  Plain C without Python; the glue is in _kernel.c.
 *
 * A trigram is b0 << 16 | b1 << 8 | b2; one with a newline is never indexed.  The form of the
 * three parts of an index (blocks, keys, lists) is told in docs/index-format.md; kernel_numpy.py
 * writes the same bytes.  Whatever these parts hold, reads stay within them.
 */
#ifndef CIDX_TRIGRAM_H
#define CIDX_TRIGRAM_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_MAX_DOCUMENTS (1u << 20) /* of one segment */
#define KERNEL_BLOCK_KEYS 64u           /* keys that share an entry of blocks */
#define KERNEL_BLOCK_BYTES 12u          /* first key, where its keys start, where its lists start */
#define KERNEL_MAX_TRIGRAM 0xffffffu

enum kernel_status {
    KERNEL_OK,
    KERNEL_NO_MEMORY,
    KERNEL_TOO_LARGE, /* more documents or postings than one segment may have */
    KERNEL_DAMAGED,   /* parts that this kernel never writes */
    KERNEL_BAD_PROGRAM,
};

/* Bytes that grow. */
struct kernel_bytes {
    uint8_t *data;
    size_t size, capacity;
};

/* Takes the documents of one segment in order. */
struct kernel_collector {
    uint64_t *seen;     /* a bit for each trigram, all clear between two documents */
    uint32_t *trigrams; /* those of document 0, then those of document 1, … */
    size_t count, capacity;
    uint32_t *ends; /* for each document, where its trigrams end */
    uint32_t documents, ends_capacity;
};

/* The index of a segment: what a collector gives and candidates are found in. */
struct kernel_postings {
    struct kernel_bytes blocks, keys, lists;
};

/* The same where it lies, in a mapped file. */
struct kernel_view {
    const uint8_t *blocks, *keys, *lists;
    size_t blocks_size, keys_size, lists_size;
    uint32_t documents;
};

/*
 * A condition, as instructions for a machine that keeps sets of documents on a stack:
 * a number up to KERNEL_MAX_TRIGRAM pushes the documents that have this trigram.
 */
enum kernel_instruction {
    KERNEL_PUSH_NONE = 1 << 24,
    KERNEL_PUSH_ALL,
    KERNEL_AND,          /* of the two on top */
    KERNEL_OR,           /* likewise */
    KERNEL_SKIP_IF_NONE, /* and how many instructions to skip, if the one on top is empty */
};

enum kernel_status kernel_collector_add(struct kernel_collector *collector, const uint8_t *content,
                                        size_t size);
/* Give the postings of all documents; the collector is empty afterwards, whatever happened. */
enum kernel_status kernel_collector_finish(struct kernel_collector *collector,
                                           struct kernel_postings *postings);
void kernel_collector_free(struct kernel_collector *collector);
void kernel_postings_free(struct kernel_postings *postings);

/* Write the documents that satisfy the program, ascending; the caller frees *found. */
enum kernel_status kernel_candidates(const struct kernel_view *view, const uint32_t *program,
                                     size_t instructions, uint32_t **found, size_t *found_count);

#endif
