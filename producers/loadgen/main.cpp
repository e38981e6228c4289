#include <iostream>

#include "load_run.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"

int main(int argc, char** argv) {
  CLI::App app("Simulated trainers: real records and JPEG tiles on a real bus, without a model.", "trainbus-loadgen");
  trainbus::LoadOptions options;
  trainbus::add_load_flags(app, options);
  trainbus::add_key_option(app);
  app.footer(
      "Examples:\n"
      "  trainbus-loadgen --trainers 1000 --batch-rate 1 --epoch-every 20 --seconds 60 --json\n"
      "  trainbus-loadgen --batch-rate 60 --tile-rate 60 --tile-size 256   (tiles flow while somebody watches run "
      "'load')\n"
      "  trainbus-loadgen --batch-rate 20 --scalars 8 --media --nan-every 50\n"
      "  trainbus-loadgen --batch-rate 0 --seconds 5                       (one trainer, as fast as its records are "
      "stored)\n\n"
      "Exits 1 when the broker had not stored everything.");
  return trainbus::run_program(app, argc, argv, [&] {
    trainbus::require_key_taken(options.broker);
    trainbus::LoadRun load(options);
    const bool stored = load.run(options.json ? nullptr : &std::cout);
    if (options.json) load.write_json(std::cout);
    if (!stored) std::cerr << "trainbus-loadgen: not everything was stored by " << options.broker << '\n';
    return stored ? 0 : 1;
  });
}
