#include "kv/error.hpp"

#include <lmdb.h>

#include <string>

namespace doorward::kv {
namespace {

class kv_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "doorward.kv"; }
    std::string message(int value) const override
    {
        switch (static_cast<errc>(value)) {
        case errc::storage_full:
            return "no room left in the store";
        case errc::queue_full:
            return "too many changes are waiting for the store";
        case errc::closing:
            return "the store is closing";
        case errc::damaged:
            return "the store is damaged; doorward check tells where";
        }
        return "unknown storage error";
    }
};

} // namespace

const boost::system::error_category& category() noexcept
{
    static const kv_category instance;
    return instance;
}

error_code make_error_code(errc value) noexcept
{
    return {static_cast<int>(value), category()};
}

storage_fault::storage_fault(const char* what, int lmdb_code)
    : std::runtime_error{std::string{what} + ": " + mdb_strerror(lmdb_code)}
{}

} // namespace doorward::kv
