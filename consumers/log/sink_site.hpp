#pragma once
// A sink at each of several brokers.

#include "sink_plan.hpp"
#include "sink_spec.hpp"
#include "trainbus/sink.h"

namespace trainbus {

// The sink as it is for the broker of this name: {site} in its values becomes the name, which is also its option `site`
// where it has one. Throws std::invalid_argument with one line when nothing keeps what it
// writes apart from what the same sink writes of another broker.
SinkSpec sink_at_site(SinkSpec spec, const trainbus_sink_type& type, const std::string& site);

// "jsonl-lab". Throws std::invalid_argument when that is too long.
void add_site_to_label(SinkPlan& plan, const std::string& site);

}  // namespace trainbus
