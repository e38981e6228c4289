/* trainbus._native: trainbus.h as a Python type. Only what must be native: conversions, and calling back.
 *
 * The limited API of Python 3.10: one module for every later version. Buffers are not part of it, so pixels come as
 * bytes, or as an address that Python keeps alive.
 */
#define Py_LIMITED_API 0x030a0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stdbool.h>
#include <string.h>

#include <trainbus.h>

enum { kMaxValues = 2000, kMaxTiles = 16, kMaxScores = 64, kMaxImages = 64 };

/* A knob's handler, kept for as long as the producer is. */
typedef struct Handler {
  PyObject* call;
  struct Handler* next;
} Handler;

typedef struct {
  PyObject_HEAD
  trainbus_producer* bus;
  PyObject* on_problem; /* callable, or NULL */
  Handler* handlers;
} Producer;

static bool open_for_use(Producer* self) {
  if (self->bus != NULL) return true;
  PyErr_SetString(PyExc_RuntimeError, "this Producer was not opened");
  return false;
}

/* --- Python to C ------------------------------------------------------------------------------------------------- */

/* NULL for None; with an exception for anything but a text without NUL. */
static const char* text_of(PyObject* object, const char* what) {
  if (object == NULL || object == Py_None) return NULL;
  Py_ssize_t size = 0;
  const char* text = NULL;
  if (PyUnicode_Check(object)) text = PyUnicode_AsUTF8AndSize(object, &size);
  if (text == NULL) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%s must be a str, not %R", what, (PyObject*)Py_TYPE(object));
    return NULL;
  }
  if (strlen(text) != (size_t)size) {
    PyErr_Format(PyExc_ValueError, "%s must not contain NUL: %R", what, object);
    return NULL;
  }
  return text;
}

/* What item() gives, of a NumPy scalar or a tensor of one value: float() of one that has a gradient is a warning. A new
 * reference; NULL and no exception where there is no item(). */
static PyObject* item_of(PyObject* object) {
  PyObject* item = PyObject_GetAttrString(object, "item");
  if (item == NULL) {
    if (PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
    return NULL;
  }
  PyObject* value = PyObject_CallNoArgs(item);
  Py_DECREF(item);
  return value;
}

/* Any number: float, int, NumPy scalar, tensor of one value. */
static bool number_of(PyObject* object, PyObject* name, double* number) {
  if (PyFloat_CheckExact(object) || PyLong_CheckExact(object)) {
    *number = PyFloat_AsDouble(object);
  } else {
    PyObject* item = item_of(object);
    *number = PyErr_Occurred() ? -1.0 : PyFloat_AsDouble(item == NULL ? object : item);
    Py_XDECREF(item);
  }
  if (*number != -1.0 || !PyErr_Occurred()) return true;
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_Format(PyExc_TypeError, "the value of %R is no number but %R", name, object);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return false;
}

/* The named values of one call. */
typedef struct {
  trainbus_value few[16];
  trainbus_value* all; /* `few`, or memory of its own */
  size_t count;
  PyObject* held; /* keeps names alive, where code of Python runs meanwhile */
} Values;

static void free_values(Values* values) {
  if (values->all != values->few) PyMem_Free(values->all);
  Py_XDECREF(values->held);
}

static bool add_value(Values* values, PyObject* name, PyObject* value) {
  const char* text = text_of(name, "a value's name");
  if (text == NULL) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a value's name must be a str, not None");
    return false;
  }
  values->all[values->count].name = text;
  return number_of(value, name, &values->all[values->count++].value);
}

static bool all_plain(PyObject* mapping) {
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(mapping, &at, &key, &value))
    if (!PyFloat_CheckExact(value) && !PyLong_CheckExact(value)) return false;
  return true;
}

/* With free_values() afterwards, also when this fails. A number's __float__ may run any code, which may change the
 * mapping or log something: then a copy is walked. */
static bool read_values(PyObject* mapping, Values* values) {
  values->all = values->few;
  values->count = 0;
  values->held = NULL;
  if (mapping == NULL || mapping == Py_None) return true;
  if (!PyDict_Check(mapping)) {
    PyErr_Format(PyExc_TypeError, "values must be a dict of names and numbers, not %R", (PyObject*)Py_TYPE(mapping));
    return false;
  }
  if (!all_plain(mapping)) {
    mapping = values->held = PyDict_Copy(mapping);
    if (mapping == NULL) return false;
  }
  const Py_ssize_t size = PyDict_Size(mapping);
  if (size > kMaxValues) {
    PyErr_Format(PyExc_ValueError, "at most %d values in one call, not %zd", kMaxValues, size);
    return false;
  }
  if ((size_t)size > sizeof values->few / sizeof *values->few) {
    values->all = PyMem_Malloc((size_t)size * sizeof *values->all);
    if (values->all == NULL) return PyErr_NoMemory() != NULL;
  }
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(mapping, &at, &key, &value))
    if (!add_value(values, key, value)) return false;
  return true;
}

static bool integer_of(PyObject* object, const char* what, int64_t* number) {
  const long long value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "%s must be an int, not %R", what, object);
    return false;
  }
  *number = value;
  return true;
}

static bool small_of(PyObject* object, const char* what, int32_t* number) {
  int64_t value = 0;
  if (!integer_of(object, what, &value)) return false;
  if (value < INT32_MIN || value > INT32_MAX) {
    PyErr_Format(PyExc_ValueError, "%s is out of range: %R", what, object);
    return false;
  }
  *number = (int32_t)value;
  return true;
}

/* A list or tuple of str as an array, to be freed with PyMem_Free; NULL with an exception. */
static const char** texts_of(PyObject* list, const char* what, size_t* count) {
  *count = 0;
  const Py_ssize_t size = list == NULL || list == Py_None ? 0 : PySequence_Size(list);
  if (size < 0) return NULL;
  const char** texts = PyMem_Malloc((size_t)(size + 1) * sizeof *texts);
  if (texts == NULL) return (const char**)PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = PySequence_GetItem(list, i);
    texts[i] = item == NULL ? NULL : text_of(item, what);
    Py_XDECREF(item); /* the list holds it */
    if (texts[i] == NULL) {
      if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "%s must be a str, not None", what);
      PyMem_Free(texts);
      return NULL;
    }
  }
  *count = (size_t)size;
  return texts;
}

/* Pixels: bytes, or an address. */
static const uint8_t* pixels_of(PyObject* object, size_t needed) {
  if (PyBytes_Check(object)) {
    if ((size_t)PyBytes_Size(object) >= needed) return (const uint8_t*)PyBytes_AsString(object);
    PyErr_Format(PyExc_ValueError, "%zu bytes of pixels are needed, not %zd", needed, PyBytes_Size(object));
    return NULL;
  }
  void* address = PyLong_AsVoidPtr(object);
  if (address == NULL && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no pixels");
  return address;
}

/* --- C to Python ------------------------------------------------------------------------------------------------- */

/* What a handler raised, as one line; clears it. */
static void reject_with_exception(trainbus_answer* answer) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  PyObject* name = type == NULL ? NULL : PyObject_GetAttrString(type, "__name__");
  PyObject* line = name == NULL ? NULL : PyUnicode_FromFormat("%U: %S", name, value);
  const char* text = line == NULL ? NULL : PyUnicode_AsUTF8AndSize(line, NULL);
  trainbus_rejected(answer, text == NULL ? "the handler raised an exception" : text);
  PyErr_Clear();
  Py_XDECREF(line);
  Py_XDECREF(name);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
}

/* What the handler returned: None (as asked), or (old, new) as texts. Python made it so. */
static void handle(void* user, const char* value, trainbus_answer* answer) {
  const PyGILState_STATE gil = PyGILState_Ensure();
  PyObject* call = ((Handler*)user)->call;
  Py_XINCREF(call);
  PyObject* result = call == NULL ? NULL : PyObject_CallFunction(call, "s", value);
  if (call == NULL) trainbus_rejected(answer, "the producer is closed");
  Py_XDECREF(call);
  if (result != NULL && result != Py_None) {
    const char *before = NULL, *now = NULL;
    if (PyArg_ParseTuple(result, "zz", &before, &now)) trainbus_applied(answer, before, now);
  }
  if (PyErr_Occurred()) reject_with_exception(answer);
  Py_XDECREF(result);
  PyGILState_Release(gil);
}

static void tell_problem(void* user, const char* line) {
  if (!Py_IsInitialized()) return;
  const PyGILState_STATE gil = PyGILState_Ensure();
  PyObject* result = PyObject_CallFunction((PyObject*)user, "s", line);
  if (result == NULL) PyErr_WriteUnraisable((PyObject*)user);
  Py_XDECREF(result);
  PyGILState_Release(gil);
}

/* --- the life of a producer -------------------------------------------------------------------------------------- */

static int producer_init(Producer* self, PyObject* args, PyObject* kwargs) {
  static char* names[] = {"run",         "trainer",      "broker",         "spool_dir", "spool_bytes",
                          "heartbeat_ms", "max_tile_rate", "tile_pixels",  "jpeg_quality", "no_environment",
                          "no_metering", "client_name",  "on_problem",     "key",         NULL};
  trainbus_options options = {.size = sizeof options};
  unsigned long long spool_bytes = 0;
  long long heartbeat_ms = 0;
  PyObject* on_problem = Py_None;
  int no_environment = 0, no_metering = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "ss|zzKLdiippzOz", names, &options.run, &options.trainer,
                                   &options.broker, &options.spool_dir, &spool_bytes, &heartbeat_ms,
                                   &options.max_tile_rate_hz, &options.tile_pixels, &options.jpeg_quality,
                                   &no_environment, &no_metering, &options.client_name, &on_problem, &options.key))
    return -1;
  if (self->bus != NULL) {
    PyErr_SetString(PyExc_RuntimeError, "this Producer is open already");
    return -1;
  }
  if (trainbus_abi() < TRAINBUS_ABI) {
    PyErr_Format(PyExc_ImportError, "libtrainbus_producer is of ABI %d, this package needs %d", trainbus_abi(),
                 TRAINBUS_ABI);
    return -1;
  }
  options.spool_bytes = spool_bytes;
  options.heartbeat_ms = heartbeat_ms;
  options.no_environment = no_environment;
  options.no_metering = no_metering;
  if (on_problem != Py_None) {
    Py_INCREF(on_problem);
    self->on_problem = on_problem;
    options.on_problem = tell_problem;
    options.user = on_problem;
  }
  char why[256];
  trainbus_producer* bus;
  Py_BEGIN_ALLOW_THREADS;
  bus = trainbus_open(&options, why, sizeof why);
  Py_END_ALLOW_THREADS;
  self->bus = bus;
  if (bus != NULL) return 0;
  PyErr_SetString(PyExc_ValueError, why);
  return -1;
}

static void producer_dealloc(Producer* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (self->bus != NULL) {
    trainbus_producer* bus = self->bus;
    Py_BEGIN_ALLOW_THREADS;
    trainbus_free(bus);
    Py_END_ALLOW_THREADS;
  }
  while (self->handlers != NULL) {
    Handler* handler = self->handlers;
    self->handlers = handler->next;
    Py_XDECREF(handler->call);
    PyMem_Free(handler);
  }
  Py_XDECREF(self->on_problem);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF(type);
}

typedef struct {
  trainbus_plan plan;
  trainbus_parameter* parameters;
  const char **class_names, **tags;
} Plan;

static void free_plan(Plan* plan) {
  PyMem_Free(plan->parameters);
  PyMem_Free(plan->class_names);
  PyMem_Free(plan->tags);
}

static bool read_parameters(PyObject* mapping, Plan* plan) {
  const Py_ssize_t size = PyDict_Size(mapping);
  if (size < 0) return false;
  plan->parameters = PyMem_Malloc((size_t)(size + 1) * sizeof *plan->parameters);
  if (plan->parameters == NULL) return PyErr_NoMemory() != NULL;
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(mapping, &at, &key, &value)) {
    trainbus_parameter* parameter = &plan->parameters[plan->plan.parameter_count++];
    parameter->name = text_of(key, "a parameter's name");
    parameter->value = text_of(value, "a parameter's value");
    if (PyErr_Occurred()) return false;
  }
  return true;
}

/* (total_epochs, batches_per_epoch, batch_size, learning_rate | None, first_step | None, model_name, dataset_name,
 * notes, class_names, tags, parameters: dict of str) */
static bool read_plan(PyObject* tuple, Plan* plan) {
  memset(plan, 0, sizeof *plan);
  plan->plan.size = sizeof plan->plan;
  PyObject *learning_rate, *first_step, *class_names, *tags, *parameters;
  if (!PyArg_ParseTuple(tuple, "iiiOOzzzOOO!", &plan->plan.total_epochs, &plan->plan.batches_per_epoch,
                        &plan->plan.batch_size, &learning_rate, &first_step, &plan->plan.model_name,
                        &plan->plan.dataset_name, &plan->plan.notes, &class_names, &tags, &PyDict_Type, &parameters))
    return false;
  if (learning_rate != Py_None) {
    plan->plan.said |= TRAINBUS_LEARNING_RATE;
    plan->plan.learning_rate = PyFloat_AsDouble(learning_rate);
    if (PyErr_Occurred()) return false;
  }
  if (first_step != Py_None) {
    plan->plan.said |= TRAINBUS_FIRST_STEP;
    plan->plan.first_step = PyLong_AsUnsignedLongLong(first_step);
    if (PyErr_Occurred()) return false;
  }
  plan->class_names = texts_of(class_names, "a class name", &plan->plan.class_name_count);
  plan->tags = plan->class_names == NULL ? NULL : texts_of(tags, "a tag", &plan->plan.tag_count);
  if (plan->tags == NULL || !read_parameters(parameters, plan)) return false;
  plan->plan.class_names = plan->class_names;
  plan->plan.tags = plan->tags;
  plan->plan.parameters = plan->parameters;
  return true;
}

static PyObject* producer_start(Producer* self, PyObject* args) {
  PyObject *tuple, *message = Py_None;
  Plan plan;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "O!|O", &PyTuple_Type, &tuple, &message)) return NULL;
  const bool again = message != Py_None;
  const char* said = text_of(message, "the message");
  int taken = 0;
  const bool good = !PyErr_Occurred() && read_plan(tuple, &plan);
  if (good) {
    trainbus_producer* bus = self->bus;
    Py_BEGIN_ALLOW_THREADS;
    taken = again ? trainbus_change_plan(bus, &plan.plan, said) : trainbus_start(bus, &plan.plan);
    Py_END_ALLOW_THREADS;
  }
  free_plan(&plan);
  return good ? PyBool_FromLong(taken) : NULL;
}

static PyObject* producer_say(Producer* self, PyObject* args) {
  int status;
  const char* message = NULL;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "i|z", &status, &message)) return NULL;
  return PyBool_FromLong(trainbus_say(self->bus, status, message));
}

static PyObject* producer_close(Producer* self, PyObject* args) {
  double seconds;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "d", &seconds)) return NULL;
  int stored;
  trainbus_producer* bus = self->bus;
  const int64_t deadline_ms = seconds > 0 ? (int64_t)((seconds < 1e9 ? seconds : 1e9) * 1000) : 0;
  Py_BEGIN_ALLOW_THREADS;
  stored = trainbus_close(bus, deadline_ms);
  Py_END_ALLOW_THREADS;
  /* No command is applied any more; and what the handlers hold may be this producer itself. */
  for (Handler* handler = self->handlers; handler != NULL; handler = handler->next)
    Py_CLEAR(handler->call);
  return PyBool_FromLong(stored);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

/* Positional arguments, then those named, each into its place. Names are compared as objects first: they are interned.
 * `names` are static texts of the module state, made at import. */
static bool place_arguments(PyObject* const* args, Py_ssize_t positional, PyObject* kwnames, PyObject* const* names,
                            Py_ssize_t count, const char* function, PyObject** placed) {
  if (positional > count) {
    PyErr_Format(PyExc_TypeError, "%s takes at most %zd arguments, %zd were given", function, count, positional);
    return false;
  }
  for (Py_ssize_t i = 0; i < positional; ++i)
    placed[i] = args[i];
  const Py_ssize_t named = kwnames == NULL ? 0 : PyTuple_Size(kwnames);
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GetItem(kwnames, i);
    Py_ssize_t at = 0;
    while (at < count && names[at] != name)
      ++at;
    for (Py_ssize_t k = 0; at == count && k < count; ++k)
      if (PyUnicode_Compare(names[k], name) == 0) {
        at = k;
        break;
      }
    if (at == count) {
      PyErr_Format(PyExc_TypeError, "%s has no argument %R", function, name);
      return false;
    }
    if (placed[at] != NULL) {
      PyErr_Format(PyExc_TypeError, "%s got %R twice", function, name);
      return false;
    }
    placed[at] = args[positional + i];
  }
  return true;
}

#define LOG_NAMES 2
#define BATCH_NAMES 11
#define EPOCH_NAMES 8
static const char* const kLogNames[LOG_NAMES] = {"values", "step"};
static const char* const kBatchNames[BATCH_NAMES] = {"loss",          "accuracy",    "epoch",
                                                     "batch",         "batch_size",  "learning_rate",
                                                     "values",        "predictions", "ground_truth",
                                                     "tiles",         "record"};
static const char* const kEpochNames[EPOCH_NAMES] = {"epoch",         "loss",
                                                     "accuracy",      "learning_rate",
                                                     "validation_loss", "validation_accuracy",
                                                     "is_converged",  "values"};
static PyObject *log_names[LOG_NAMES], *batch_names[BATCH_NAMES], *epoch_names[EPOCH_NAMES];

static bool intern(const char* const* from, PyObject** to, int count) {
  for (int i = 0; i < count; ++i)
    if (to[i] == NULL && (to[i] = PyUnicode_InternFromString(from[i])) == NULL) return false;
  return true;
}

static PyObject* producer_log(Producer* self, PyObject* const* args, Py_ssize_t positional, PyObject* kwnames) {
  PyObject* given[LOG_NAMES] = {NULL};
  if (!open_for_use(self) || !place_arguments(args, positional, kwnames, log_names, LOG_NAMES, "log()", given))
    return NULL;
  if (given[0] == NULL) {
    PyErr_SetString(PyExc_TypeError, "log() needs a dict of names and numbers");
    return NULL;
  }
  uint64_t step = TRAINBUS_LAST_STEP;
  if (given[1] != NULL && given[1] != Py_None) {
    int64_t said = 0;
    if (!integer_of(given[1], "step", &said)) return NULL;
    if (said < 0) {
      PyErr_Format(PyExc_ValueError, "step must not be negative: %R", given[1]);
      return NULL;
    }
    step = (uint64_t)said;
  }
  Values values;
  int taken = 0;
  if (read_values(given[0], &values)) taken = trainbus_log_values(self->bus, step, values.all, values.count);
  free_values(&values);
  return PyErr_Occurred() ? NULL : PyBool_FromLong(taken);
}

/* (predicted_class, label | None, confidence, [(class_idx, label | None, score)...]) */
static bool read_prediction(PyObject* tuple, trainbus_prediction* prediction, trainbus_score* scores, size_t room) {
  PyObject* list;
  if (!PyArg_ParseTuple(tuple, "izfO!", &prediction->predicted_class, &prediction->label, &prediction->confidence,
                        &PyList_Type, &list))
    return false;
  size_t count = (size_t)PyList_Size(list);
  if (count > room) count = room;
  for (size_t i = 0; i < count; ++i)
    if (!PyArg_ParseTuple(PyList_GetItem(list, (Py_ssize_t)i), "izf", &scores[i].class_idx, &scores[i].label,
                          &scores[i].score))
      return false;
  prediction->top_k = scores;
  prediction->top_k_count = count;
  return true;
}

/* [(pixels, width, height, channels, row_bytes, truth, prediction | None, image_id | None)...]; a callable that gives
 * them is asked only when somebody watches. */
static void give_tiles(void* user, trainbus_tiles* tiles) {
  PyObject* list = PyObject_CallFunction((PyObject*)user, "i", trainbus_tiles_room(tiles));
  if (list == NULL || !PyList_Check(list)) {
    if (list != NULL) PyErr_SetString(PyExc_TypeError, "tiles must be a list");
    Py_XDECREF(list);
    return;
  }
  for (Py_ssize_t i = 0; i < PyList_Size(list) && i < kMaxTiles; ++i) {
    trainbus_tile tile = {.size = sizeof tile};
    trainbus_prediction prediction = {.predicted_class = -1};
    trainbus_score scores[kMaxScores];
    PyObject *pixels, *said;
    Py_ssize_t row_bytes;
    if (!PyArg_ParseTuple(PyList_GetItem(list, i), "OiiiniOz", &pixels, &tile.width, &tile.height, &tile.channels,
                          &row_bytes, &tile.truth, &said, &tile.image_id))
      break;
    tile.row_bytes = (size_t)row_bytes;
    const size_t packed = (size_t)tile.width * (size_t)tile.channels;
    tile.pixels = pixels_of(pixels, (tile.row_bytes == 0 ? packed : tile.row_bytes) * (size_t)tile.height);
    if (tile.pixels == NULL) break;
    if (said != Py_None) {
      if (!read_prediction(said, &prediction, scores, kMaxScores)) break;
      tile.prediction = &prediction;
    }
    if (!trainbus_tiles_add(tiles, &tile) && trainbus_tiles_room(tiles) > 0) {
      PyErr_Format(PyExc_ValueError, "a tile of %d x %d with %d channels cannot be sent", tile.width, tile.height,
                   tile.channels);
      break;
    }
  }
  Py_DECREF(list);
}

static bool optional_number(PyObject* object, PyObject* name, uint32_t flag, uint32_t* said, double* number) {
  if (object == NULL || object == Py_None) return true;
  *said |= flag;
  return number_of(object, name, number);
}

static bool optional_small(PyObject* object, const char* what, int32_t* number) {
  return object == NULL || object == Py_None || small_of(object, what, number);
}

typedef struct {
  trainbus_prediction* predictions;
  trainbus_score* scores;
  int32_t* truth;
} BatchLists;

static bool read_batch_lists(PyObject* predictions, PyObject* truth, trainbus_batch* batch, BatchLists* lists) {
  if (predictions != NULL && predictions != Py_None) {
    if (!PyList_Check(predictions)) {
      PyErr_SetString(PyExc_TypeError, "predictions must be a list");
      return false;
    }
    const size_t count = (size_t)PyList_Size(predictions);
    enum { kScoresEach = 16 };
    lists->predictions = PyMem_Calloc(count + 1, sizeof *lists->predictions);
    lists->scores = PyMem_Calloc((count + 1) * kScoresEach, sizeof *lists->scores);
    if (lists->predictions == NULL || lists->scores == NULL) return PyErr_NoMemory() != NULL;
    for (size_t i = 0; i < count; ++i)
      if (!read_prediction(PyList_GetItem(predictions, (Py_ssize_t)i), &lists->predictions[i],
                           lists->scores + i * kScoresEach, kScoresEach))
        return false;
    batch->predictions = lists->predictions;
    batch->prediction_count = count;
  }
  if (truth != NULL && truth != Py_None) {
    if (!PyList_Check(truth)) {
      PyErr_SetString(PyExc_TypeError, "ground_truth must be a list of ints");
      return false;
    }
    const size_t count = (size_t)PyList_Size(truth);
    lists->truth = PyMem_Calloc(count + 1, sizeof *lists->truth);
    if (lists->truth == NULL) return PyErr_NoMemory() != NULL;
    for (size_t i = 0; i < count; ++i)
      if (!small_of(PyList_GetItem(truth, (Py_ssize_t)i), "a class of ground_truth", &lists->truth[i])) return false;
    batch->ground_truth = lists->truth;
    batch->ground_truth_count = count;
  }
  return true;
}

static PyObject* producer_log_batch(Producer* self, PyObject* const* args, Py_ssize_t positional, PyObject* kwnames) {
  PyObject* given[BATCH_NAMES] = {NULL};
  if (!open_for_use(self) ||
      !place_arguments(args, positional, kwnames, batch_names, BATCH_NAMES, "log_batch()", given))
    return NULL;
  trainbus_batch batch = {.size = sizeof batch};
  if (!optional_number(given[0], batch_names[0], TRAINBUS_LOSS, &batch.said, &batch.loss) ||
      !optional_number(given[1], batch_names[1], TRAINBUS_ACCURACY, &batch.said, &batch.accuracy) ||
      !optional_small(given[2], "epoch", &batch.epoch) || !optional_small(given[3], "batch", &batch.batch) ||
      !optional_small(given[4], "batch_size", &batch.batch_size) ||
      !optional_number(given[5], batch_names[5], TRAINBUS_LEARNING_RATE, &batch.said, &batch.learning_rate))
    return NULL;
  if (given[10] != NULL && PyObject_Not(given[10]) == 1) batch.no_record = 1;
  PyObject* tiles = given[9] == Py_None ? NULL : given[9];
  BatchLists lists = {NULL, NULL, NULL};
  Values values;
  int taken = 0;
  if (read_values(given[6], &values) && read_batch_lists(given[7], given[8], &batch, &lists)) {
    batch.values = values.all;
    batch.value_count = values.count;
    taken = trainbus_log_batch(self->bus, &batch, tiles == NULL ? NULL : give_tiles, tiles);
  }
  free_values(&values);
  PyMem_Free(lists.predictions);
  PyMem_Free(lists.scores);
  PyMem_Free(lists.truth);
  return PyErr_Occurred() ? NULL : PyBool_FromLong(taken);
}

static PyObject* producer_log_epoch(Producer* self, PyObject* const* args, Py_ssize_t positional, PyObject* kwnames) {
  PyObject* given[EPOCH_NAMES] = {NULL};
  if (!open_for_use(self) ||
      !place_arguments(args, positional, kwnames, epoch_names, EPOCH_NAMES, "log_epoch()", given))
    return NULL;
  trainbus_epoch epoch = {.size = sizeof epoch};
  if (!optional_small(given[0], "epoch", &epoch.epoch) ||
      !optional_number(given[1], epoch_names[1], TRAINBUS_LOSS, &epoch.said, &epoch.average_loss) ||
      !optional_number(given[2], epoch_names[2], TRAINBUS_ACCURACY, &epoch.said, &epoch.average_accuracy) ||
      !optional_number(given[3], epoch_names[3], TRAINBUS_LEARNING_RATE, &epoch.said, &epoch.learning_rate) ||
      !optional_number(given[4], epoch_names[4], TRAINBUS_VALIDATION_LOSS, &epoch.said, &epoch.validation_loss) ||
      !optional_number(given[5], epoch_names[5], TRAINBUS_VALIDATION_ACCURACY, &epoch.said,
                       &epoch.validation_accuracy))
    return NULL;
  epoch.is_converged = given[6] != NULL && PyObject_IsTrue(given[6]) == 1;
  Values values;
  int taken = 0;
  if (read_values(given[7], &values)) {
    epoch.values = values.all;
    epoch.value_count = values.count;
    taken = trainbus_log_epoch(self->bus, &epoch);
  }
  free_values(&values);
  return PyErr_Occurred() ? NULL : PyBool_FromLong(taken);
}

/* --- something to look at ---------------------------------------------------------------------------------------- */

static PyObject* producer_log_text(Producer* self, PyObject* args) {
  const char *name, *text;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "ss", &name, &text)) return NULL;
  return PyBool_FromLong(trainbus_log_text(self->bus, name, text));
}

/* name, [(pixels, width, height, channels, row_bytes, caption | None)...] */
static PyObject* producer_log_images(Producer* self, PyObject* args) {
  const char* name;
  PyObject* list;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "sO!", &name, &PyList_Type, &list)) return NULL;
  const Py_ssize_t count = PyList_Size(list);
  if (count > kMaxImages) {
    PyErr_Format(PyExc_ValueError, "log_images() takes at most %d pictures, not %zd", kMaxImages, count);
    return NULL;
  }
  trainbus_image images[kMaxImages];
  for (Py_ssize_t i = 0; i < count; ++i) {
    trainbus_image* image = &images[i];
    PyObject* pixels;
    Py_ssize_t row_bytes;
    if (!PyArg_ParseTuple(PyList_GetItem(list, i), "Oiiinz", &pixels, &image->width, &image->height, &image->channels,
                          &row_bytes, &image->caption))
      return NULL;
    image->row_bytes = (size_t)row_bytes;
    const size_t packed = (size_t)image->width * (size_t)image->channels;
    image->pixels = pixels_of(pixels, (row_bytes == 0 ? packed : image->row_bytes) * (size_t)image->height);
    if (image->pixels == NULL) return NULL;
  }
  return PyBool_FromLong(trainbus_log_images(self->bus, name, images, (size_t)count));
}

/* name, edges, counts: bytes of doubles */
static PyObject* producer_log_histogram(Producer* self, PyObject* args) {
  const char *name, *edges, *counts;
  Py_ssize_t edge_bytes, count_bytes;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "sy#y#", &name, &edges, &edge_bytes, &counts, &count_bytes))
    return NULL;
  if (edge_bytes != count_bytes + (Py_ssize_t)sizeof(double)) {
    PyErr_SetString(PyExc_ValueError, "a histogram has one edge more than counts");
    return NULL;
  }
  return PyBool_FromLong(trainbus_log_histogram(self->bus, name, (const double*)edges, (const double*)counts,
                                                (size_t)count_bytes / sizeof(double)));
}

/* name, values: bytes of floats, or an address and their number; bins */
static PyObject* producer_log_distribution(Producer* self, PyObject* args) {
  const char* name;
  PyObject* values;
  Py_ssize_t count;
  int bins;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "sOni", &name, &values, &count, &bins)) return NULL;
  const uint8_t* floats = count == 0 ? (const uint8_t*)"" : pixels_of(values, (size_t)count * sizeof(float));
  if (floats == NULL) return NULL;
  return PyBool_FromLong(trainbus_log_distribution(self->bus, name, (const float*)(const void*)floats, (size_t)count, bins));
}

/* name, columns, rows, values: bytes of doubles, row by row */
static PyObject* producer_log_table(Producer* self, PyObject* args) {
  const char *name, *values;
  PyObject *columns, *rows;
  Py_ssize_t bytes;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "sOOy#", &name, &columns, &rows, &values, &bytes)) return NULL;
  size_t column_count, row_count;
  const char** column_texts = texts_of(columns, "a column", &column_count);
  if (column_texts == NULL) return NULL;
  const char** row_texts = texts_of(rows, "a row", &row_count);
  PyObject* result = NULL;
  if (row_texts != NULL && (size_t)bytes != column_count * row_count * sizeof(double))
    PyErr_Format(PyExc_ValueError, "a table of %zu columns and %zu rows needs %zu values, not %zd", column_count,
                 row_count, column_count * row_count, bytes / (Py_ssize_t)sizeof(double));
  else if (row_texts != NULL)
    result = PyBool_FromLong(trainbus_log_table(self->bus, name, column_texts, column_count, row_texts, row_count,
                                                (const double*)(const void*)values));
  PyMem_Free(column_texts);
  PyMem_Free(row_texts);
  return result;
}

/* --- commands ---------------------------------------------------------------------------------------------------- */

/* name, type, value | None, min | None, max | None, unit, help, choices, callable */
static PyObject* producer_offer(Producer* self, PyObject* args) {
  trainbus_knob knob = {.size = sizeof knob};
  PyObject *min, *max, *choices, *call;
  if (!open_for_use(self) ||
      !PyArg_ParseTuple(args, "sizOOzzOO", &knob.name, &knob.type, &knob.value, &min, &max, &knob.unit, &knob.help,
                        &choices, &call))
    return NULL;
  if ((min != Py_None && !(knob.said |= TRAINBUS_MIN, number_of(min, min, &knob.min))) ||
      (max != Py_None && !(knob.said |= TRAINBUS_MAX, number_of(max, max, &knob.max))))
    return NULL;
  const char** texts = texts_of(choices, "a choice", &knob.choice_count);
  Handler* handler = texts == NULL ? NULL : PyMem_Malloc(sizeof *handler);
  if (handler == NULL) {
    PyMem_Free(texts);
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
  }
  Py_INCREF(call);
  handler->call = call;
  handler->next = self->handlers;
  self->handlers = handler;
  knob.choices = texts;
  const int offered = trainbus_offer(self->bus, &knob, handle, handler);
  PyMem_Free(texts);
  return PyBool_FromLong(offered);
}

/* Signals are looked at ten times a second while it is paused: Ctrl-C works. */
static PyObject* producer_step(Producer* self, PyObject* Py_UNUSED(none)) {
  if (!open_for_use(self)) return NULL;
  trainbus_producer* bus = self->bus;
  int result = trainbus_step(bus, 0);
  while (result == TRAINBUS_HELD) {
    enum { kLookEveryMs = 100 };
    Py_BEGIN_ALLOW_THREADS;
    result = trainbus_step(bus, kLookEveryMs);
    Py_END_ALLOW_THREADS;
    if (PyErr_CheckSignals() < 0) return NULL;
  }
  return PyBool_FromLong(result == TRAINBUS_GO);
}

/* One look, which waits at most `seconds`: "go", "held" (still paused) or "end". */
static PyObject* producer_try_step(Producer* self, PyObject* args) {
  double seconds = 0;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "|d", &seconds)) return NULL;
  trainbus_producer* bus = self->bus;
  int result;
  Py_BEGIN_ALLOW_THREADS;
  result = trainbus_step(bus, seconds > 0 ? (int64_t)((seconds < 1e9 ? seconds : 1e9) * 1000) : 0);
  Py_END_ALLOW_THREADS;
  return PyUnicode_FromString(result == TRAINBUS_GO ? "go" : result == TRAINBUS_HELD ? "held" : "end");
}

static PyObject* producer_interrupt(Producer* self, PyObject* Py_UNUSED(none)) {
  if (!open_for_use(self)) return NULL;
  trainbus_interrupt(self->bus);
  Py_RETURN_NONE;
}

static PyObject* producer_expect(Producer* self, PyObject* args) {
  double seconds;
  if (!open_for_use(self) || !PyArg_ParseTuple(args, "d", &seconds)) return NULL;
  trainbus_expect_next_step_within(self->bus, seconds > 0 ? (int64_t)((seconds < 1e9 ? seconds : 1e9) * 1000) : 0);
  Py_RETURN_NONE;
}

/* --- what is known ----------------------------------------------------------------------------------------------- */

#define GETTER(name, made)                                                  \
  static PyObject* producer_##name(Producer* self, void* Py_UNUSED(none)) { \
    if (!open_for_use(self)) return NULL;                                   \
    return made;                                                            \
  }
GETTER(incarnation, PyLong_FromUnsignedLongLong(trainbus_incarnation(self->bus)))
GETTER(connected, PyBool_FromLong(trainbus_connected(self->bus)))
GETTER(watched, PyBool_FromLong(trainbus_watched(self->bus)))
GETTER(paused, PyBool_FromLong(trainbus_paused(self->bus)))
GETTER(stop_commanded, PyBool_FromLong(trainbus_stop_commanded(self->bus)))

static PyObject* producer_problem(Producer* self, void* Py_UNUSED(none)) {
  if (!open_for_use(self)) return NULL;
  char line[512];
  trainbus_problem(self->bus, line, sizeof line);
  return PyUnicode_DecodeUTF8(line, (Py_ssize_t)strlen(line), "replace");
}

static PyObject* producer_counters(Producer* self, void* Py_UNUSED(none)) {
  if (!open_for_use(self)) return NULL;
  trainbus_counters now = {.size = sizeof now};
  trainbus_count(self->bus, &now);
  return Py_BuildValue(
      "{sKsKsKsKsKsKsKsKsKsKsKsKsK}", "accepted", (unsigned long long)now.accepted, "stored",
      (unsigned long long)now.stored, "in_outbox", (unsigned long long)now.in_outbox, "resent",
      (unsigned long long)now.resent, "refused", (unsigned long long)now.refused, "values_refused",
      (unsigned long long)now.values_refused, "media_refused", (unsigned long long)now.media_refused, "spool_failed",
      (unsigned long long)now.spool_failed, "recovered", (unsigned long long)now.recovered, "tiles_produced",
      (unsigned long long)now.tiles_produced, "tiles_skipped_no_demand",
      (unsigned long long)now.tiles_skipped_no_demand, "tiles_dropped_at_source",
      (unsigned long long)now.tiles_dropped_at_source, "tiles_sent", (unsigned long long)now.tiles_sent);
}

#define FAST(call) (PyCFunction)(void (*)(void))(call), METH_FASTCALL | METH_KEYWORDS
static PyMethodDef methods[] = {
    {"log", FAST(producer_log), "log(values, step=None) -> bool"},
    {"log_batch", FAST(producer_log_batch),
     "log_batch(loss=None, accuracy=None, epoch=0, batch=0, batch_size=0, learning_rate=None, values=None, "
     "predictions=None, ground_truth=None, tiles=None, record=True) -> bool"},
    {"log_epoch", FAST(producer_log_epoch),
     "log_epoch(epoch, loss=None, accuracy=None, learning_rate=None, validation_loss=None, "
     "validation_accuracy=None, is_converged=False, values=None) -> bool"},
    {"step", (PyCFunction)producer_step, METH_NOARGS, "step() -> bool"},
    {"_try_step", (PyCFunction)producer_try_step, METH_VARARGS, NULL},
    {"interrupt", (PyCFunction)producer_interrupt, METH_NOARGS, "interrupt(): step() returns False from now on"},
    {"_start", (PyCFunction)producer_start, METH_VARARGS, NULL},
    {"_say", (PyCFunction)producer_say, METH_VARARGS, NULL},
    {"_close", (PyCFunction)producer_close, METH_VARARGS, NULL},
    {"_offer", (PyCFunction)producer_offer, METH_VARARGS, NULL},
    {"_expect", (PyCFunction)producer_expect, METH_VARARGS, NULL},
    {"_log_text", (PyCFunction)producer_log_text, METH_VARARGS, NULL},
    {"_log_images", (PyCFunction)producer_log_images, METH_VARARGS, NULL},
    {"_log_histogram", (PyCFunction)producer_log_histogram, METH_VARARGS, NULL},
    {"_log_distribution", (PyCFunction)producer_log_distribution, METH_VARARGS, NULL},
    {"_log_table", (PyCFunction)producer_log_table, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getters[] = {
    {"incarnation", (getter)producer_incarnation, NULL, "This start of the trainer, unique with run and trainer.", NULL},
    {"connected", (getter)producer_connected, NULL, "True while the broker answers.", NULL},
    {"watched", (getter)producer_watched, NULL, "True while somebody watches the tiles.", NULL},
    {"paused", (getter)producer_paused, NULL, "True while the training is paused by a command.", NULL},
    {"stop_commanded", (getter)producer_stop_commanded, NULL, "True once a stop was commanded.", NULL},
    {"problem", (getter)producer_problem, NULL, "Why records are refused or not kept safe, in one line; or ''.", NULL},
    {"counters", (getter)producer_counters, NULL, "What became of the records and tiles, as a dict.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_init, producer_init},
                              {Py_tp_dealloc, producer_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, getters},
                              {0, NULL}};
static PyType_Spec spec = {"trainbus._native.Producer", sizeof(Producer), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                           slots};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "trainbus._native", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
  if (!intern(kLogNames, log_names, LOG_NAMES) || !intern(kBatchNames, batch_names, BATCH_NAMES) ||
      !intern(kEpochNames, epoch_names, EPOCH_NAMES))
    return NULL;
  PyObject* module = PyModule_Create(&definition);
  if (module == NULL) return NULL;
  PyObject* type = PyType_FromSpec(&spec);
  if (type == NULL || PyModule_AddObject(module, "Producer", type) < 0 ||
      PyModule_AddStringConstant(module, "version", trainbus_version()) < 0) {
    Py_XDECREF(type);
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
