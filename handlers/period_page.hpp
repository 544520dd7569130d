#pragma once

#include "handlers/json_writer.hpp"
#include "handlers/page.hpp"

namespace doorward::handlers {

/// A page of rows of one registration within a period: takes them as they are visited, newest first, until it is full
/// or page_scan_rows_max were looked at.
class period_page {
public:
    explicit period_page(const period_request& wanted) : wanted_{wanted} { out_.object().key("items").array(); }

    /// A row at a place, which orders the rows; write(json_writer&) writes it where it belongs to the page.
    ///
    /// returns  false when the page ends before this row
    template <class Write>
    bool take(std::uint64_t place, registry::time_ms at, const Write& write)
    {
        const bool is_within = at >= wanted_.from && at <= wanted_.to;
        if ((is_within && written_ == wanted_.page.limit) || ++looked_at_ > registry::page_scan_rows_max) {
            next_ = place + 1; // a cursor is the place after the row where the next page begins
            return false;
        }
        if (is_within && skipped_ < wanted_.page.skip) {
            ++skipped_;
        } else if (is_within) {
            write(out_);
            ++written_;
        }
        return true;
    }

    /// The answer: `items[]`, and `nextCursor` when there are more.
    [[nodiscard]] std::string text()
    {
        out_.end();
        if (next_)
            out_.member("nextCursor", write_cursor(*next_));
        return out_.end().text();
    }

private:
    const period_request wanted_;
    json_writer out_;
    std::size_t skipped_ = 0;
    std::size_t written_ = 0;
    std::size_t looked_at_ = 0;
    std::optional<std::uint64_t> next_;
};

} // namespace doorward::handlers
