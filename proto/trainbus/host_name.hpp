#pragma once

#include <string>

namespace trainbus {

// Of this machine, as gethostname() says; at most 64 bytes on Linux.
std::string host_name();

}  // namespace trainbus
