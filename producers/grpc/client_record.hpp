#pragma once
// What a client of the design document says, in the words of the SDK.

#include <functional>
#include <string>

#include "trainbus.pb.h"
#include "trainbus/producer.hpp"

namespace trainbus {

// Outcome of giving a record to the SDK.
enum class Logged { kYes, kNoRoom, kNotARecord };

// Any thread. A batch's pictures are decoded only while somebody watches; `bad_picture` is told, in one line, of one
// that cannot be. Throws nothing. A record is logged as of now: its own time is not kept.
Logged log_client_record(Producer& bus, const v1::MetricsRequest& record,
                         const std::function<void(std::string)>& bad_picture);

TrainingPlan client_plan(const v1::TrainingConfig& config);

// Offers what the plan of a client offers, and the two knobs that the design document's commands set. Their handlers
// are never called: commands go to the client.
void offer_client_knobs(Producer& bus, const v1::TrainingConfig& config);

// Why the SDK or the broker would not take this, in one line that names the value; empty when they would.
std::string client_record_problem(const v1::MetricsRequest& record);

}  // namespace trainbus
