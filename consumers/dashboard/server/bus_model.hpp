#pragma once
// What the dashboard knows of the bus: every trainer, by run then trainer, and how the bus itself is.
// Belongs to the asio thread.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "trainer_json.hpp"
#include "trainer_model.hpp"

namespace trainbus {

// Of the dashboard's own subscription.
struct BusState {
  bool connected = false;
  bool caught_up = false;
  ConsumerCounters counters;
};

// What a program of the bus itself (trainbus/bus_session.hpp) raised and has not ended.
struct Trouble {
  std::string rule;
  std::string message;
  std::int64_t since_ms = 0;  // Unix time
};

class BusModel {
 public:
  // By program, such as "log-jsonl".
  using Troubles = std::map<std::string, Trouble>;
  // By run, then trainer.
  using Trainers = std::map<std::pair<std::string, std::string>, TrainerModel>;

  // Takes one record; makes the trainer known. What TrainerModel::apply says. An alert
  // of a program of the bus is a trouble instead.
  bool apply(const Record& record, std::int64_t now_ms);

  const Trainers& trainers() const { return trainers_; }
  const Troubles& troubles() const { return troubles_; }
  // nullptr when nobody by this name was heard of.
  const TrainerModel* find(const SessionName& session) const;
  bool has_run(const std::string& run) const;

  BusState bus;

 private:
  void take_trouble(const std::string& program, const v1::MetricsRequest& record);

  Trainers trainers_;
  Troubles troubles_;
};

}  // namespace trainbus
