#pragma once
// What makes a good MediaData. The SDK refuses by the same words as the broker.

#include <string>

#include "trainbus.pb.h"

namespace trainbus {

inline constexpr int kMaxMediaImages = 64;    // per record
inline constexpr int kMaxMediaPixels = 1024;  // longer side of one

// Why the content does not fit together, in one line; empty when it does: 1 to kMaxMediaImages pictures of 1 to
// kMaxMediaPixels with one caption each or none, finite edges that rise and are one more than the counts, counts that
// are finite and not negative, a table with a value for every cell.
std::string media_problem(const v1::MediaData& media);

}  // namespace trainbus
