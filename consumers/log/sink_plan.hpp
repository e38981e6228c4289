#pragma once
// One sink as the command line asks for it: its type, its options in the type's order, and what the host does for it.

#include <string>
#include <vector>

#include "sink_filter.hpp"
#include "sink_spec.hpp"
#include "trainbus/sink.h"

namespace trainbus {

struct SinkPlan {
  const trainbus_sink_type* type = nullptr;
  std::string label;  // unique, [A-Za-z0-9._-]{1,60}; names it in logs, metrics and alerts
  bool label_given = false;
  std::vector<std::string> values;  // one for each of type->options
  SinkFilter filter;
  std::string archive = {};  // the broker retires nothing that is not on this sink's disk; "": it is no archive

  // "jsonl:runs.jsonl", for messages; no secrets.
  std::string text() const;
  // 16 digits: of the type and its options without secrets, the same wherever it is asked for.
  std::string hash() const;
};

// An option of the host, for every sink.
inline constexpr trainbus_sink_option kHostOptions[] = {
    {"name", "LABEL", "the type", "what this sink is called in logs, metrics and alerts", 0},
    {"kinds", "KINDS", "all", "only these, for example batch+epoch", 0},
    {"run", "PATTERN", "*", "only runs of this name; * and ? stand for any characters", 0},
    {"trainer", "PATTERN", "*", "only trainers of this name", 0},
    {"every", "N", "1", "of batch and perf records only each Nth, the first included", 0},
    {"archive", "NAME", "", "tell the broker what is on the disk here, for its --retain-until-archived NAME", 0},
    {},
};

// `defaults`: what holds when the text says nothing. Throws std::invalid_argument with one line without any secret: an
// option that is not there (the known ones are named), one that is missing, one that is given twice, a bad filter.
SinkPlan plan_sink(const SinkSpec& spec, const trainbus_sink_type& type, const SinkFilter& defaults);

// Gives equal labels a number: jsonl, jsonl-2. Throws when two were asked to be equal, or are one archive.
void make_labels_unique(std::vector<SinkPlan>& plans);

}  // namespace trainbus
