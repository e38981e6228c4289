/* A trainer in plain C: a line is fitted to noisy points; people see it, and may change the rate. */
#include <stdio.h>
#include <stdlib.h>
#include <trainbus.h>

static double rate = 0.05;

static void set_rate(void* user, const char* value, trainbus_answer* answer) {
  (void)user;
  (void)answer; /* nothing said: applied as it was asked for */
  rate = atof(value);
}

static void show(void* user, trainbus_tiles* tiles) {
  const uint8_t shade = (uint8_t)(*(double*)user * 50 > 255 ? 255 : *(double*)user * 50);
  const uint8_t pixels[4] = {shade, 0, 0, shade};
  const trainbus_tile tile = {.size = sizeof tile, .pixels = pixels, .width = 2, .height = 2, .channels = 1, .truth = -1};
  trainbus_tiles_add(tiles, &tile);
}

int main(int argc, char** argv) {
  const trainbus_options options = {.size = sizeof options, .run = argc > 1 ? argv[1] : "mine", .trainer = "c"};
  char why[256];
  trainbus_producer* bus = trainbus_open(&options, why, sizeof why);
  if (bus == NULL) return fprintf(stderr, "%s\n", why), 1;
  const trainbus_knob knob = {.size = sizeof knob, .name = "rate", .type = TRAINBUS_NUMBER, .value = "0.05",
                              .said = TRAINBUS_MIN, .help = "of the descent"};
  trainbus_offer(bus, &knob, set_rate, NULL);
  trainbus_start(bus, NULL);
  double slope = 0, loss = 0;
  for (int i = 0; i < 1000 && trainbus_step(bus, TRAINBUS_FOREVER) == TRAINBUS_GO; ++i) {
    const double x = rand() / (double)RAND_MAX, error = slope * x - 3 * x;
    slope -= rate * error * x;
    loss = error * error;
    const trainbus_value values[] = {{"slope", slope}};
    const trainbus_batch batch = {.size = sizeof batch, .said = TRAINBUS_LOSS, .epoch = 1, .batch = i, .loss = loss,
                                  .values = values, .value_count = 1};
    trainbus_log_batch(bus, &batch, show, &loss);
  }
  const int all_stored = trainbus_finish(bus, TRAINBUS_COMPLETED, NULL, 2000);
  trainbus_free(bus);
  printf("slope %.2f, %s\n", slope, all_stored ? "all stored" : "the rest is in the spool");
  return 0;
}
