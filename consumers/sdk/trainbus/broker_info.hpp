#pragma once
// Which broker it is, and of which version, as its figures say.

#include <string>
#include <string_view>

#include "trainbus.pb.h"

namespace trainbus {

// The label "id" (32 hex digits, made with the state folder: the same journal is the same broker) or "version" of the
// figure info{...}; "": a broker of a version that does not say it.
std::string broker_info(const v1::BrokerStats& stats, std::string_view label);

}  // namespace trainbus
