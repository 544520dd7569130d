#pragma once

#include "kv/bytes.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace doorward::kv {

/// What is wrong with a page of the data file.
struct page_fault {
    std::uint64_t page = 0;
    std::string table; // empty: of the file, or of its free pages
    std::string what;  // for people; nothing of what rows say
};

struct page_report {
    std::uint64_t pages = 0; // in use or free
    std::uint64_t free_pages = 0;
    std::vector<page_fault> faults;          // the first page_faults_max
    std::vector<std::string> unknown_tables; // there, and not among the names that were given
};
inline constexpr std::size_t page_faults_max = 100;

/// Reads the data file of a store page by page, without LMDB, which trusts what it reads: it may end the process when
/// the tree is damaged. After a walk that found nothing it can be let at the file.
///
///  - the newer of the two meta pages is well formed, and is the newer one
///  - every page of every tree is what its parent says; keys grow within a page and from page to page; nodes lie where
///    the page says, without gaps; the numbers of pages and rows are those that the tree's root tells
///  - every page is in one tree once, or free once, and none is neither
///
/// Bytes that nobody reads are not looked at: free pages, the room between the nodes of a page, and the older meta page
/// but for what tells that it is older.
///
/// The file must not be written to meanwhile: hold the directory's lock.
/// errors  throws std::runtime_error when the file cannot be read
[[nodiscard]] page_report walk_pages(const std::filesystem::path& data_file, std::span<const char* const> table_names);

} // namespace doorward::kv
