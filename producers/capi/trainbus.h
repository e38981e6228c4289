/* trainbus.h: what a training loop says to the bus, and what it is told, for every language that can call C.
 *
 *   trainbus_options options = {sizeof options};
 *   options.run = "mnist";
 *   options.trainer = "t0";
 *   char why[256];
 *   trainbus_producer* bus = trainbus_open(&options, why, sizeof why);
 *   if (bus == NULL) { fprintf(stderr, "%s\n", why); return 1; }
 *   trainbus_start(bus, NULL);
 *   while (more && trainbus_step(bus, TRAINBUS_FOREVER) == TRAINBUS_GO) {
 *     trainbus_batch batch = {sizeof batch};
 *     batch.said = TRAINBUS_LOSS;
 *     batch.loss = train_one_batch();
 *     trainbus_log_batch(bus, &batch, NULL, NULL);
 *   }
 *   trainbus_finish(bus, TRAINBUS_COMPLETED, NULL, 2000);
 *   trainbus_free(bus);
 *
 * The ABI. A struct begins with `size`, which the caller sets to its sizeof: later versions append members, and what a
 * caller does not know is as if it were zero. Zero is the default of every member, but where something else is said.
 * Functions are only added; TRAINBUS_ABI grows when one is.
 *
 * Ownership: what is passed in is read before the call returns, and stays the caller's. Texts are UTF-8 and end with
 * NUL. A NULL text is an empty one.
 * Threads: any thread may call any function of one producer, but trainbus_free(), which is the last.
 * Blocking: only trainbus_start() (at most 1 s), trainbus_step() while paused, trainbus_finish() and trainbus_close().
 * In a forked child every call returns at once: a child that trains opens a producer of its own.
 */
#ifndef TRAINBUS_H
#define TRAINBUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TRAINBUS_API __attribute__((visibility("default")))
#else
#define TRAINBUS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TRAINBUS_ABI 1

/* Of the library that was loaded: at least the TRAINBUS_ABI it is used with, or it must not be used. */
TRAINBUS_API int trainbus_abi(void);
/* "0.1.0"; never freed. */
TRAINBUS_API const char* trainbus_version(void);

typedef struct trainbus_producer trainbus_producer;

typedef struct trainbus_options {
  size_t size;
  const char* run;         /* [A-Za-z0-9._-]{1,64} */
  const char* trainer;     /* the same */
  const char* broker;      /* tcp://HOST:PORT; NULL: the environment's TRAINBUS_BROKER; "off": nothing is sent */
  const char* spool_dir;   /* NULL: the default; "": records wait in memory */
  uint64_t spool_bytes;    /* on disk; 0: 1 GiB */
  int64_t heartbeat_ms;    /* 0: 2000 */
  double max_tile_rate_hz; /* batches with tiles per second; 0: 60 */
  int32_t tile_pixels;     /* longer side after resizing, 1 to 512; 0: 256 */
  int32_t jpeg_quality;    /* 1 to 100; 0: 85 */
  int32_t no_environment;  /* 1: host, command line, commit and their like are not sent */
  int32_t no_metering;     /* 1: CPU, memory and GPU of this process are not measured */
  const char* client_name; /* shown in lists; NULL: "trainbus.h" */
  /* Told what a person should know, one line each, from any thread; NULL: "trainbus: LINE" on stderr. */
  void (*on_problem)(void* user, const char* line);
  void* user;
  /* The file of the key to show the broker; NULL: the environment's TRAINBUS_KEY, else this user's own, if there is one;
   * "off": none. */
  const char* key;
} trainbus_options;

/* NULL when a name, a number or the address is outside its grammar; `why` then holds one line of at most
 * why_size - 1 bytes. A broker that is not there is no error. */
TRAINBUS_API trainbus_producer* trainbus_open(const trainbus_options* options, char* why, size_t why_size);
/* Closes with 2 s, if that was not done, and frees. */
TRAINBUS_API void trainbus_free(trainbus_producer* producer);

/* The start of this process in the bus's books; unique with run and trainer. */
TRAINBUS_API uint64_t trainbus_incarnation(const trainbus_producer* producer);
/* 1 while the broker answers. */
TRAINBUS_API int trainbus_connected(const trainbus_producer* producer);

/* --- what is said once --------------------------------------------------------------------------------------- */

typedef struct trainbus_parameter {
  const char* name; /* 1 to 128 bytes without control characters */
  const char* value;
} trainbus_parameter;

#define TRAINBUS_LEARNING_RATE 0x4u
#define TRAINBUS_FIRST_STEP 0x100u

typedef struct trainbus_plan {
  size_t size;
  uint32_t said;         /* TRAINBUS_LEARNING_RATE, TRAINBUS_FIRST_STEP: those members are meant */
  int32_t total_epochs;  /* 0: not known; so the next two */
  int32_t batches_per_epoch;
  int32_t batch_size;
  double learning_rate;
  uint64_t first_step;   /* steps that earlier processes of a resumed training did */
  const char* model_name;
  const char* dataset_name;
  const char* notes;
  const char* const* class_names;
  size_t class_name_count;
  const char* const* tags;
  size_t tag_count;
  const trainbus_parameter* parameters;
  size_t parameter_count;
} trainbus_plan;

/* Says RUNNING with the plan (NULL: none) and the knobs. 0 when it was not taken. */
TRAINBUS_API int trainbus_start(trainbus_producer* producer, const trainbus_plan* plan);
/* The plan has changed since: says it again, with what happened in `message`. */
TRAINBUS_API int trainbus_change_plan(trainbus_producer* producer, const trainbus_plan* plan, const char* message);

/* --- what is said each step: 1 when taken, 0 when refused (spool full, closed) and counted ----------------------- */

typedef struct trainbus_value {
  const char* name; /* 1 to 128 bytes without control characters; '/' groups: "val/iou" */
  double value;     /* NaN and infinity are values */
} trainbus_value;

typedef struct trainbus_score {
  int32_t class_idx;
  const char* label;
  float score; /* 0..1 */
} trainbus_score;

typedef struct trainbus_prediction {
  int32_t predicted_class;
  const char* label;
  float confidence;            /* 0..1 */
  const trainbus_score* top_k; /* best first */
  size_t top_k_count;
} trainbus_prediction;

#define TRAINBUS_LOSS 0x1u
#define TRAINBUS_ACCURACY 0x2u

typedef struct trainbus_batch {
  size_t size;
  uint32_t said;  /* TRAINBUS_LOSS, _ACCURACY, _LEARNING_RATE: those members are meant; the others are not said */
  int32_t epoch;  /* from 1; 0: not said */
  int32_t batch;  /* from 0 within the epoch */
  int32_t batch_size;
  double loss;
  double accuracy; /* 0..1 */
  double learning_rate;
  const trainbus_value* values;
  size_t value_count;
  const trainbus_prediction* predictions;
  size_t prediction_count;
  const int32_t* ground_truth;
  size_t ground_truth_count;
  int32_t no_record; /* 1: only the step and the tiles count (batch records every N-th) */
} trainbus_batch;

/* The tiles of one batch: given to the callback of trainbus_log_batch(), and gone when it returns. */
typedef struct trainbus_tiles trainbus_tiles;

typedef struct trainbus_tile {
  size_t size;
  const uint8_t* pixels; /* height rows of width * channels bytes */
  int32_t width;         /* 1 to 2048; so height */
  int32_t height;
  int32_t channels;      /* 1 (grey) or 3 (RGB, interleaved) */
  size_t row_bytes;      /* from row to row; 0: packed */
  int32_t truth;         /* class; -1: not known */
  const trainbus_prediction* prediction; /* NULL: none */
  const char* image_id;
} trainbus_tile;

/* How many more are taken, 16 at first. */
TRAINBUS_API int trainbus_tiles_room(const trainbus_tiles* tiles);
/* Copies the pixels. 0, and nothing copied, when full or a size is out of range. */
TRAINBUS_API int trainbus_tiles_add(trainbus_tiles* tiles, const trainbus_tile* tile);

typedef void (*trainbus_tile_source)(void* user, trainbus_tiles* tiles);

/* Counts one step. `tiles` (NULL: none) is called in this thread, before this returns, and only when somebody watches
 * and the rate allows another. */
TRAINBUS_API int trainbus_log_batch(trainbus_producer* producer, const trainbus_batch* batch,
                                    trainbus_tile_source tiles, void* user);

#define TRAINBUS_VALIDATION_LOSS 0x10u
#define TRAINBUS_VALIDATION_ACCURACY 0x20u

typedef struct trainbus_epoch {
  size_t size;
  uint32_t said; /* TRAINBUS_LOSS, _ACCURACY (averages of the epoch), _LEARNING_RATE, _VALIDATION_* */
  int32_t epoch; /* from 1 */
  double average_loss;
  double average_accuracy;
  double learning_rate;
  double validation_loss;
  double validation_accuracy;
  int32_t is_converged;
  const trainbus_value* values;
  size_t value_count;
} trainbus_epoch;

TRAINBUS_API int trainbus_log_epoch(trainbus_producer* producer, const trainbus_epoch* epoch);

/* Named values at any time. step: over the whole training, first_step included; TRAINBUS_LAST_STEP: the step that was
 * finished last. At most 2,000 different names a trainer; the others are left out and counted. */
#define TRAINBUS_LAST_STEP UINT64_MAX
TRAINBUS_API int trainbus_log_values(trainbus_producer* producer, uint64_t step, const trainbus_value* values,
                                     size_t count);

/* --- something to look at: at most 1 MiB a record ---------------------------------------------------------------- */

typedef struct trainbus_image {
  const uint8_t* pixels; /* as in trainbus_tile, sides up to 8192 */
  int32_t width;
  int32_t height;
  int32_t channels;
  size_t row_bytes;
  const char* caption;
} trainbus_image;

TRAINBUS_API int trainbus_log_text(trainbus_producer* producer, const char* name, const char* text);
/* At most 64; shrunk to 1024 pixels. */
TRAINBUS_API int trainbus_log_images(trainbus_producer* producer, const char* name, const trainbus_image* images,
                                     size_t count);
/* counts[i] values lie in [edges[i], edges[i + 1]); edges has count + 1 members. */
TRAINBUS_API int trainbus_log_histogram(trainbus_producer* producer, const char* name, const double* edges,
                                        const double* counts, size_t count);
/* Counts the values in `bins` equal bins (0: 64); those that are not finite are left out. */
TRAINBUS_API int trainbus_log_distribution(trainbus_producer* producer, const char* name, const float* values,
                                           size_t count, int bins);
/* values[row * column_count + column]. */
TRAINBUS_API int trainbus_log_table(trainbus_producer* producer, const char* name, const char* const* columns,
                                    size_t column_count, const char* const* rows, size_t row_count,
                                    const double* values);

/* 1 while somebody watches the tiles: one atomic load. */
TRAINBUS_API int trainbus_watched(const trainbus_producer* producer);
/* The loop will be silent (a checkpoint, a validation) for at most this long, and is not to be called stalled. */
TRAINBUS_API void trainbus_expect_next_step_within(trainbus_producer* producer, int64_t ms);

/* --- commands --------------------------------------------------------------------------------------------------- */

typedef enum trainbus_knob_type {
  TRAINBUS_ACTION = 0,
  TRAINBUS_NUMBER = 1,
  TRAINBUS_INTEGER = 2,
  TRAINBUS_CHOICE = 3,
  TRAINBUS_SWITCH = 4 /* values "on" and "off" */
} trainbus_knob_type;

#define TRAINBUS_MIN 0x1u
#define TRAINBUS_MAX 0x2u

typedef struct trainbus_knob {
  size_t size;
  const char* name;  /* [A-Za-z0-9._-]{1,64}; "learning_rate" and "batch_size" are those everybody knows */
  int32_t type;      /* trainbus_knob_type */
  uint32_t said;     /* TRAINBUS_MIN, TRAINBUS_MAX: those members are meant */
  double min;
  double max;        /* inclusive */
  const char* value; /* in force, as text; not for an action */
  const char* unit;
  const char* help;  /* one line */
  const char* const* choices;
  size_t choice_count;
} trainbus_knob;

/* What a handler answers through; gone when it returns. */
typedef struct trainbus_answer trainbus_answer;

/* The value before, and the one now in force (an action: what came of it). NULL: as they were known and asked for. */
TRAINBUS_API void trainbus_applied(trainbus_answer* answer, const char* old_value, const char* new_value);
TRAINBUS_API void trainbus_rejected(trainbus_answer* answer, const char* reason);

/* Called in the thread that calls trainbus_step(), with a value in range ("" for an action). Answering nothing means
 * applied, as asked for. */
typedef void (*trainbus_handler)(void* user, const char* value, trainbus_answer* answer);

/* Tells everybody what can be changed or asked for. 0, and one line to on_problem, when it is badly declared, the name
 * is taken, or there are 64. */
TRAINBUS_API int trainbus_offer(trainbus_producer* producer, const trainbus_knob* knob, trainbus_handler handler,
                                void* user);

#define TRAINBUS_FOREVER INT64_MAX

typedef enum trainbus_step_result {
  TRAINBUS_END = 0,  /* a stop was commanded, or the producer was interrupted or closed: end the training */
  TRAINBUS_GO = 1,
  TRAINBUS_HELD = 2  /* still paused after wait_ms: look at your signals, and call again */
} trainbus_step_result;

/* The step boundary: applies commands; while paused waits, at most wait_ms. Without commands it is an atomic load. */
TRAINBUS_API int trainbus_step(trainbus_producer* producer, int64_t wait_ms);
TRAINBUS_API int trainbus_paused(const trainbus_producer* producer);
TRAINBUS_API int trainbus_stop_commanded(const trainbus_producer* producer);
/* From any thread: trainbus_step() gives TRAINBUS_END from now on, also out of a pause. */
TRAINBUS_API void trainbus_interrupt(trainbus_producer* producer);

/* --- the end ---------------------------------------------------------------------------------------------------- */

typedef enum trainbus_status {
  TRAINBUS_INITIALIZING = 1,
  TRAINBUS_RUNNING = 2,
  TRAINBUS_PAUSED = 3,
  TRAINBUS_COMPLETED = 4,
  TRAINBUS_FAILED = 5,
  TRAINBUS_STOPPED = 6 /* ended before its plan, because somebody asked */
} trainbus_status;

TRAINBUS_API int trainbus_say(trainbus_producer* producer, int status, const char* message);
/* Says the status and closes. */
TRAINBUS_API int trainbus_finish(trainbus_producer* producer, int status, const char* message, int64_t deadline_ms);
/* Waits, at most deadline_ms, until the broker has stored everything. 1 when it has; the rest stays in the spool for
 * the next start. Nothing is taken afterwards. */
TRAINBUS_API int trainbus_close(trainbus_producer* producer, int64_t deadline_ms);

typedef struct trainbus_counters {
  size_t size;
  uint64_t accepted; /* records: accepted = stored + in_outbox */
  uint64_t stored;
  uint64_t in_outbox;
  uint64_t resent;
  uint64_t refused;
  uint64_t values_refused;
  uint64_t media_refused;
  uint64_t spool_failed;
  uint64_t recovered;
  uint64_t tiles_produced; /* tiles: produced = skipped_no_demand + dropped_at_source + sent */
  uint64_t tiles_skipped_no_demand;
  uint64_t tiles_dropped_at_source;
  uint64_t tiles_sent;
} trainbus_counters;

/* Fills what both sides know. */
TRAINBUS_API void trainbus_count(const trainbus_producer* producer, trainbus_counters* counters);
/* Why the broker refuses this trainer, or records are not kept in the spool: one line, or "" when all is well. Returns
 * its length, which may be more than size - 1 bytes were room for. */
TRAINBUS_API size_t trainbus_problem(const trainbus_producer* producer, char* line, size_t size);

#ifdef __cplusplus
}
#endif

#endif
