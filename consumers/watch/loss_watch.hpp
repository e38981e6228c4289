#pragma once
// Losses that were not finite between two looks, which the last value alone does not show.

#include <cstdint>
#include <map>
#include <string>

#include "trainbus.pb.h"

namespace trainbus {

// Takes batch and epoch records; pure. Keeps the first bad loss of a trainer's newest incarnation until it is
// forgotten.
class LossWatch {
 public:
  struct BadLoss {
    std::uint64_t step = 0;
    double loss = 0;
  };
  // An epoch's average counts only when no bad batch of that epoch was seen: it repeats what that one said.
  void take(const v1::MetricsRequest& record);

  // nullptr: all were finite. Valid until the next take() or forget().
  const BadLoss* first_bad(const std::string& session_id, std::uint64_t incarnation) const;
  void forget(const std::string& session_id, std::uint64_t incarnation);

 private:
  struct Trainer {
    std::uint64_t incarnation = 0;
    bool bad_in_epoch = false;
    bool bad = false;
    BadLoss first;

    void note(BadLoss loss);
  };
  // nullptr: the record is of an older incarnation.
  Trainer* newest(const v1::MetricsRequest& record);

  std::map<std::string, Trainer> trainers_;  // by session id
};

}  // namespace trainbus
