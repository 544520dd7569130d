#pragma once

#include "registry/keys.hpp"
#include "registry/registration.hpp"

namespace doorward::registry {

/// What a key exchange adds to a registration, beside its state.
struct binding {
    crypto::point_bytes device_key;
    crypto::point_bytes server_key;
    stored_keys keys;
    std::string name; // empty: the phone does not tell
    std::string platform;
    std::string device_info;
    std::string extras;
    bool accepts_decimal = false; // bound with protocol 3.0
};

/// The slow part of it but for the name, which may be given anew: that is for the caller. The keys have a table of
/// their own.
inline void bind(registration& to, const binding& phone)
{
    to.device_key = phone.device_key;
    to.server_key = phone.server_key;
    to.platform = phone.platform;
    to.device_info = phone.device_info;
    to.extras = phone.extras;
    to.accepts_decimal = phone.accepts_decimal;
}

} // namespace doorward::registry
