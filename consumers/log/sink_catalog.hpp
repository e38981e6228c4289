#pragma once
// The sink types there are: built in, and as shared objects.

#include <span>
#include <string>
#include <vector>

#include "trainbus/sink.h"

namespace trainbus {

// One line each in built_in_sinks.cpp.
std::span<const trainbus_sink_type* const> built_in_sinks();

struct FoundSink {
  std::string name;
  std::string path;  // of the shared object; "": built in
};

// Built-in types, then the plug-ins libtrainbus-sink-NAME.so in $TRAINBUS_SINK_PATH (folders with : between), beside
// the installed program (../lib*/trainbus/sinks) and in the build (sinks/ beside the program). The first of a name
// wins.
std::vector<FoundSink> find_sinks();

// `name`: of a built-in or a plug-in found, or the path of a shared object (it has a / or ends in .so). A plug-in stays
// loaded for the life of the process. Throws std::invalid_argument with one line when there is none of that name,
// std::runtime_error when it cannot be loaded, or is not for this trainbus-log.
const trainbus_sink_type& sink_type_named(const std::string& name);

}  // namespace trainbus
