#include "loss_watch.hpp"

#include <cmath>
#include <utility>

namespace trainbus {

void LossWatch::take(const v1::MetricsRequest& record) {
  if (record.has_batch_data()) {
    const BadLoss loss{record.batch_data().step(), record.batch_data().batch_loss()};
    if (std::isfinite(loss.loss)) return;
    if (Trainer* trainer = newest(record)) {
      trainer->bad_in_epoch = true;
      trainer->note(loss);
    }
  } else if (record.has_epoch_data()) {
    const BadLoss loss{record.epoch_data().step(), record.epoch_data().average_loss()};
    Trainer* trainer = newest(record);
    if (trainer == nullptr || std::exchange(trainer->bad_in_epoch, false) || std::isfinite(loss.loss)) return;
    trainer->note(loss);
  }
}

LossWatch::Trainer* LossWatch::newest(const v1::MetricsRequest& record) {
  Trainer& trainer = trainers_[record.session_id()];
  if (record.incarnation() < trainer.incarnation) return nullptr;
  if (record.incarnation() > trainer.incarnation) trainer = Trainer{};
  trainer.incarnation = record.incarnation();
  return &trainer;
}

void LossWatch::Trainer::note(BadLoss loss) {
  if (!std::exchange(bad, true)) first = loss;
}

const LossWatch::BadLoss* LossWatch::first_bad(const std::string& session_id, std::uint64_t incarnation) const {
  const auto found = trainers_.find(session_id);
  const bool is_bad = found != trainers_.end() && found->second.incarnation == incarnation && found->second.bad;
  return is_bad ? &found->second.first : nullptr;
}

void LossWatch::forget(const std::string& session_id, std::uint64_t incarnation) {
  const auto found = trainers_.find(session_id);
  if (found != trainers_.end() && found->second.incarnation == incarnation) found->second.bad = false;
}

}  // namespace trainbus
