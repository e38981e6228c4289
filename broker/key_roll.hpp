#pragma once
// Another key for the broker itself, with both good for a while. In the folder of the keys:
//
//   broker.key_secret     the pair in force
//   broker.key            its public half, for who adopts it
//   broker~1.key_secret   the pair before, which says until when it is good
//
// Every call throws std::invalid_argument or std::runtime_error with one line. Pure but for the files.

#include <chrono>
#include <string>
#include <vector>

#include "broker/key_folder.hpp"

namespace trainbus {

// The key in force, then the one before if it is still good.
std::vector<KeyFile> broker_keys(const KeyFolder& folder, std::int64_t now_unix_s);

// Makes another pair, which a running broker serves within a second; the one before is good for `overlap` more. Files
// that are handed over from now on, and the user's own key, are for the new one. Refused while an earlier one is good.
void roll_broker_key(const KeyFolder& folder, std::chrono::seconds overlap, std::int64_t now_unix_s);

// A key that was handed over before becomes one for the broker whose public half is in `broker_file`.
void adopt_broker_key(const std::string& key_file, const std::string& broker_file);

}  // namespace trainbus
