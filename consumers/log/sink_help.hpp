#pragma once
// What `trainbus-log sinks` prints.

#include <string>

namespace trainbus {

// A line for each sink there is; one that cannot be loaded says why.
std::string sinks_text();
// One sink with its options. Throws as sink_type_named().
std::string sink_text(const std::string& name);

}  // namespace trainbus
