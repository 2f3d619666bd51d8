/* Python's view of the trigram kernel; the work itself is done without the interpreter's lock. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>

#include "trigram.h"

static PyObject *refuse(enum kernel_status status)
{
    switch (status) {
    case KERNEL_NO_MEMORY:
        return PyErr_NoMemory();
    case KERNEL_TOO_LARGE:
        PyErr_SetString(PyExc_OverflowError, "more than one segment may hold");
        return NULL;
    case KERNEL_DAMAGED:
        PyErr_SetString(PyExc_ValueError, "the postings make no sense");
        return NULL;
    default:
        PyErr_SetString(PyExc_ValueError, "the condition's program makes no sense");
        return NULL;
    }
}

/* ---- Collector ---- */

struct collector_object {
    PyObject_HEAD
    struct kernel_collector collector;
    int is_busy; /* another thread works on it without the lock */
};

static int claim(struct collector_object *self)
{
    if (self->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "a collector serves one thread at a time");
        return 0;
    }
    self->is_busy = 1;
    return 1;
}

static enum kernel_status add_all(struct kernel_collector *collector, const Py_buffer *contents,
                                  Py_ssize_t count)
{
    enum kernel_status status = KERNEL_OK;
    for (Py_ssize_t i = 0; i < count && status == KERNEL_OK; i++)
        status = kernel_collector_add(collector, contents[i].buf, (size_t)contents[i].len);
    return status;
}

/* Take the buffers of the items; return how many were taken, fewer with an exception set. */
static Py_ssize_t take_buffers(PyObject *sequence, Py_buffer *contents)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence), taken = 0;
    while (taken < count && PyObject_GetBuffer(PySequence_Fast_GET_ITEM(sequence, taken),
                                               &contents[taken], PyBUF_SIMPLE) == 0)
        taken++;
    return taken;
}

static PyObject *collector_add(struct collector_object *self, PyObject *argument)
{
    PyObject *sequence = PySequence_Tuple(argument); /* ours alone: it cannot change under us */
    if (!sequence)
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(sequence), taken = 0;
    PyObject *answer = NULL;
    Py_buffer *contents = calloc((size_t)count + 1, sizeof *contents);
    if (!contents) {
        PyErr_NoMemory();
        goto done;
    }
    taken = take_buffers(sequence, contents);
    if (taken < count || !claim(self))
        goto done;
    enum kernel_status status;
    Py_BEGIN_ALLOW_THREADS
    status = add_all(&self->collector, contents, count);
    Py_END_ALLOW_THREADS
    self->is_busy = 0;
    answer = status == KERNEL_OK ? Py_NewRef(Py_None) : refuse(status);
done:
    for (Py_ssize_t i = 0; i < taken; i++)
        PyBuffer_Release(&contents[i]);
    free(contents);
    Py_DECREF(sequence);
    return answer;
}

static PyObject *collector_finish(struct collector_object *self, PyObject *Py_UNUSED(unused))
{
    struct kernel_postings postings;
    enum kernel_status status;
    if (!claim(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    status = kernel_collector_finish(&self->collector, &postings);
    Py_END_ALLOW_THREADS
    self->is_busy = 0;
    if (status != KERNEL_OK)
        return refuse(status);
    PyObject *answer = Py_BuildValue(
        "(y#y#y#)", postings.blocks.data ? (char *)postings.blocks.data : "",
        (Py_ssize_t)postings.blocks.size, postings.keys.data ? (char *)postings.keys.data : "",
        (Py_ssize_t)postings.keys.size, postings.lists.data ? (char *)postings.lists.data : "",
        (Py_ssize_t)postings.lists.size);
    kernel_postings_free(&postings);
    return answer;
}

static void collector_dealloc(struct collector_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    kernel_collector_free(&self->collector);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef collector_methods[] = {
    {"add", (PyCFunction)collector_add, METH_O,
     "Take the next documents; OverflowError if there are more than a segment may hold."},
    {"finish", (PyCFunction)collector_finish, METH_NOARGS,
     "Return (blocks, keys, lists) of all documents; the collector is empty afterwards."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot collector_slots[] = {
    {Py_tp_doc, "Takes the documents of one segment in order and gives their postings."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, collector_dealloc},
    {Py_tp_methods, collector_methods},
    {0, NULL},
};

static PyType_Spec collector_spec = {
    .name = "cidxd.indexer._kernel.Collector",
    .basicsize = sizeof(struct collector_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = collector_slots,
};

/* ---- candidates ---- */

static PyObject *as_list(const uint32_t *numbers, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *number = PyLong_FromUnsignedLong(numbers[i]);
        if (!number)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, number);
    }
    return list;
}

static PyObject *find_candidates(const struct kernel_view *view, const Py_buffer *program)
{
    uint32_t *found = NULL, *instructions;
    size_t count = 0, size = (size_t)program->len;
    enum kernel_status status;
    if (size % sizeof *instructions)
        return refuse(KERNEL_BAD_PROGRAM);
    instructions = malloc(size + 1);
    if (!instructions)
        return PyErr_NoMemory();
    memcpy(instructions, program->buf, size); /* which need not be aligned */
    Py_BEGIN_ALLOW_THREADS
    status = kernel_candidates(view, instructions, size / sizeof *instructions, &found, &count);
    Py_END_ALLOW_THREADS
    free(instructions);
    PyObject *answer = status == KERNEL_OK ? as_list(found, count) : refuse(status);
    free(found);
    return answer;
}

static PyObject *kernel_candidates_method(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer blocks, keys, lists, program;
    unsigned int documents;
    if (!PyArg_ParseTuple(arguments, "y*y*y*Iy*:candidates", &blocks, &keys, &lists, &documents,
                          &program))
        return NULL;
    struct kernel_view view = {
        .blocks = blocks.buf,
        .keys = keys.buf,
        .lists = lists.buf,
        .blocks_size = (size_t)blocks.len,
        .keys_size = (size_t)keys.len,
        .lists_size = (size_t)lists.len,
        .documents = documents,
    };
    PyObject *answer = find_candidates(&view, &program);
    PyBuffer_Release(&blocks);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&lists);
    PyBuffer_Release(&program);
    return answer;
}

/* ---- module ---- */

static PyMethodDef methods[] = {
    {"candidates", kernel_candidates_method, METH_VARARGS,
     "candidates(blocks, keys, lists, documents, program): which documents satisfy the program,\n"
     "ascending; ValueError if the postings or the program make no sense."},
    {NULL, NULL, 0, NULL},
};

static int add_parts(PyObject *module)
{
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"PUSH_NONE", KERNEL_PUSH_NONE},       {"PUSH_ALL", KERNEL_PUSH_ALL},
        {"AND", KERNEL_AND},                   {"OR", KERNEL_OR},
        {"SKIP_IF_NONE", KERNEL_SKIP_IF_NONE}, {"MAX_DOCUMENTS", KERNEL_MAX_DOCUMENTS},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
            return -1;
    PyObject *type = PyType_FromSpec(&collector_spec);
    if (!type)
        return -1;
    int status = PyModule_AddObjectRef(module, "Collector", type);
    Py_DECREF(type);
    return status;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_parts},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "cidxd.indexer._kernel",
    .m_doc = "The trigram kernel in C; see cidxd.indexer.kernel_native.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
