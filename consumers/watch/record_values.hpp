#pragma once
// The values of a record by the names that rules know them by.

#include <functional>
#include <optional>
#include <string>

#include "trainbus.pb.h"

namespace trainbus {

struct RecordValue {
  std::uint64_t step = 0;
  double value = 0;  // may be NaN or infinite: the trainer said that
};

// Of a batch: loss, accuracy, learning_rate. Of an epoch: epoch_loss, epoch_accuracy, validation_loss,
// validation_accuracy. Any other name is a named value of a batch, an epoch or a scalars record. Empty: the record does
// not say it.
std::optional<RecordValue> value_in(const v1::MetricsRequest& record, const std::string& name);

// Every value that the record says, but an epoch's average loss and accuracy: these repeat what its batches said.
void for_each_value(const v1::MetricsRequest& record,
                    const std::function<void(const std::string& name, const RecordValue& value)>& take);

}  // namespace trainbus
