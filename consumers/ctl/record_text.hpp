#pragma once
// Records as lines for people.

#include <string>

#include "trainbus/consumer.hpp"

namespace trainbus {

// "14:05:11  mnist/t0  epoch    3  loss 0.21  accuracy 0.93 ..."; what was not said is left out, of many named values
// the first are shown, of media what they are.
std::string record_text(const Record& record);

}  // namespace trainbus
