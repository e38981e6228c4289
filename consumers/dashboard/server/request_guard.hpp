#pragma once
// Who may ask: no foreign web page (DNS rebinding, cross-site requests). Pure functions and values.

#include <string_view>

#include "host_names.hpp"
#include "rate_limit.hpp"

namespace trainbus {

// True for an absent Origin (not a browser's cross-site request) and for the page's own.
bool origin_matches(std::string_view origin, std::string_view host);

// "application/json", with or without parameters.
bool is_json_content(std::string_view content_type);

}  // namespace trainbus
