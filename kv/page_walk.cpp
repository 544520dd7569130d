#include "kv/page_walk.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace doorward::kv {
namespace {

// The file as LMDB 0.9 lays it out on 64-bit machines, in the byte order of the machine:
//
//     page  := number:u64  pad:u16  flags:u16  lower:u16  upper:u16  node offsets:u16 ...  room  nodes
//              of an overflow page pages:u32 in place of lower and upper, and its value behind the head
//     meta  := magic:u32  version:u32  address:u64  map_bytes:u64  tree (of free pages)  tree (of tables)
//              last_page:u64  transaction:u64                             behind the head of pages 0 and 1
//     tree  := pad:u32  flags:u16  depth:u16  branch_pages:u64  leaf_pages:u64  overflow_pages:u64  entries:u64
//              root:u64
//     node  := low:u16  high:u16  flags:u16  key_bytes:u16  key  and of a leaf its value
//              of a leaf low and high are the size of the value, of a branch with flags the page below
constexpr std::size_t head_size = 16;
constexpr std::size_t node_head_size = 8;
constexpr std::size_t tree_size = 48;
constexpr std::size_t key_most = 511;
constexpr std::uint32_t meta_magic = 0xBEEFC0DE;
constexpr std::uint16_t page_branch = 1;
constexpr std::uint16_t page_leaf = 2;
constexpr std::uint16_t page_overflow = 4;
constexpr std::uint16_t page_meta = 8;
constexpr std::uint16_t node_overflows = 1;
constexpr std::uint16_t node_is_tree = 2;
constexpr std::uint16_t tree_integer_keys = 8;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr unsigned depth_most = 32;

template <class Integer>
Integer number_at(bytes_view data, std::size_t offset)
{
    Integer out{};
    std::memcpy(&out, data.data() + offset, sizeof out);
    return out;
}

class mapped_file {
public:
    explicit mapped_file(const std::filesystem::path& path)
    {
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat about {};
        if (file < 0 || ::fstat(file, &about) != 0) {
            const int problem = errno;
            if (file >= 0)
                ::close(file);
            throw std::runtime_error{path.string() + ": " + std::strerror(problem)}; // NOLINT(concurrency-mt-unsafe)
        }
        size_ = static_cast<std::size_t>(about.st_size);
        if (size_ > 0)
            data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
        ::close(file);
        if (data_ == MAP_FAILED)
            throw std::runtime_error{path.string() + ": cannot be mapped"};
    }
    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;
    ~mapped_file()
    {
        if (data_ != nullptr)
            ::munmap(data_, size_);
    }

    [[nodiscard]] bytes_view all() const { return {static_cast<const byte*>(data_), size_}; }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

struct tree {
    std::uint32_t pad;
    std::uint16_t flags;
    std::uint16_t depth;
    std::uint64_t branch_pages;
    std::uint64_t leaf_pages;
    std::uint64_t overflow_pages;
    std::uint64_t entries;
    std::uint64_t root;
};

tree tree_at(bytes_view data, std::size_t offset)
{
    return {number_at<std::uint32_t>(data, offset),      number_at<std::uint16_t>(data, offset + 4),
            number_at<std::uint16_t>(data, offset + 6),  number_at<std::uint64_t>(data, offset + 8),
            number_at<std::uint64_t>(data, offset + 16), number_at<std::uint64_t>(data, offset + 24),
            number_at<std::uint64_t>(data, offset + 32), number_at<std::uint64_t>(data, offset + 40)};
}

struct meta {
    std::uint64_t map_bytes;
    tree free_pages;
    tree tables;
    std::uint64_t last_page;
    std::uint64_t transaction;
};

// Where keys of a subtree must lie: from the first on, before the second; empty: no bound.
struct key_range {
    std::optional<bytes_view> from;
    std::optional<bytes_view> before;
};

class page_walker {
public:
    page_walker(bytes_view file, std::span<const char* const> names) : file_{file}, names_{names} {}

    page_report run()
    {
        const auto newest = find_meta();
        if (!newest)
            return std::move(out_);
        used_.assign(newest->last_page + 1, false);
        used_[0] = used_[1] = true;
        out_.pages = newest->last_page + 1;

        in_free_tree_ = true;
        walk_tree(newest->free_pages);
        in_free_tree_ = false;
        walk_tree(newest->tables);
        for (const auto& [name, its] : found_tables_) {
            table_ = name;
            if (std::ranges::none_of(names_, [this](const char* each) { return table_ == each; }))
                out_.unknown_tables.push_back(name);
            walk_tree(its);
        }
        table_.clear();
        for (const std::uint64_t each : free_)
            take_free(each);
        const auto lost = std::ranges::count(used_, false);
        if (lost > 0 && out_.faults.empty())
            complain(0, std::to_string(lost) + " pages are neither in use nor free");
        return std::move(out_);
    }

private:
    bool complain(std::uint64_t page, std::string what)
    {
        if (out_.faults.size() < page_faults_max)
            out_.faults.push_back({page, table_, std::move(what)});
        return false;
    }

    std::optional<meta> read_meta(std::uint64_t page)
    {
        const std::size_t at = page * page_size_;
        if (file_.size() < at + head_size + 24 + 2 * tree_size + 16)
            return std::nullopt;
        const bytes_view all = file_.subspan(at);
        const bytes_view body = all.subspan(head_size);
        const bool is_one = number_at<std::uint64_t>(all, 0) == page &&
                            (number_at<std::uint16_t>(all, 10) & page_meta) != 0 &&
                            number_at<std::uint32_t>(body, 0) == meta_magic && number_at<std::uint32_t>(body, 4) == 1;
        if (!is_one)
            return std::nullopt;
        meta out{number_at<std::uint64_t>(body, 16), tree_at(body, 24), tree_at(body, 24 + tree_size),
                 number_at<std::uint64_t>(body, 24 + 2 * tree_size),
                 number_at<std::uint64_t>(body, 32 + 2 * tree_size)};
        return out;
    }

    std::optional<meta> find_meta()
    {
        const auto first = read_meta(0);
        page_size_ = first ? first->free_pages.pad : page_size_;
        if (page_size_ < 512 || page_size_ > 32'768 || (page_size_ & (page_size_ - 1)) != 0) {
            complain(0, "the size of pages is none");
            return std::nullopt;
        }
        const auto second = read_meta(1);
        if (!first || !second) {
            complain(first ? 1 : 0, "it is no meta page");
            return std::nullopt;
        }
        // Each transaction writes the page of its parity, and they take turns.
        const bool in_turn =
            (first->transaction == 0 && second->transaction == 0) ||
            (first->transaction % 2 == 0 && second->transaction % 2 == 1 &&
             (first->transaction + 1 == second->transaction || second->transaction + 1 == first->transaction));
        if (!in_turn) {
            complain(0, "the two meta pages are not of the last two transactions");
            return std::nullopt;
        }
        const std::uint64_t place = second->transaction > first->transaction ? 1 : 0;
        const meta newest = place == 1 ? *second : *first;
        const std::uint64_t pages = file_.size() / page_size_;
        const bool sane = newest.last_page >= 1 && newest.last_page < pages &&
                          newest.map_bytes / page_size_ > newest.last_page && newest.map_bytes % page_size_ == 0 &&
                          newest.free_pages.pad == page_size_ && newest.tables.pad == 0 &&
                          newest.free_pages.flags == tree_integer_keys && newest.tables.flags == 0 &&
                          number_at<std::uint64_t>(file_, place * page_size_ + head_size + 8) == 0;
        if (!sane) {
            complain(place, newest.last_page >= pages ? "the file ends before its last page"
                                                      : "the meta page says what cannot be");
            return std::nullopt;
        }
        last_page_ = newest.last_page;
        return newest;
    }

    // Marks pages as used; false when one of them cannot be.
    bool take(std::uint64_t first, std::uint64_t count)
    {
        if (first < 2 || first > last_page_ || count == 0 || count > last_page_ - first + 1)
            return complain(first, "something leads here, beyond the pages of the store");
        for (std::uint64_t each = first; each < first + count; ++each) {
            if (used_[each])
                return complain(each, "it is used twice");
            used_[each] = true;
        }
        return true;
    }

    void take_free(std::uint64_t page)
    {
        if (page < 2 || page > last_page_)
            complain(page, "it is called free, beyond the pages of the store");
        else if (used_[page])
            complain(page, "it is called free, and is in use or free already");
        else
            used_[page] = true;
        ++out_.free_pages;
    }

    struct sums {
        std::uint64_t branch_pages = 0;
        std::uint64_t leaf_pages = 0;
        std::uint64_t overflow_pages = 0;
        std::uint64_t entries = 0;
    };

    void walk_tree(const tree& its)
    {
        counted_ = {};
        if (its.root == no_page) {
            if (its.depth != 0 || its.entries != 0 || its.branch_pages != 0 || its.leaf_pages != 0 ||
                its.overflow_pages != 0)
                complain(0, "a tree without pages that says it has some");
            return;
        }
        if (its.depth == 0 || its.depth > depth_most) {
            complain(its.root, "a tree of an impossible depth");
            return;
        }
        if (!walk_page(its.root, its.depth, {}))
            return;
        if (counted_.branch_pages != its.branch_pages || counted_.leaf_pages != its.leaf_pages ||
            counted_.overflow_pages != its.overflow_pages || counted_.entries != its.entries)
            complain(its.root, "a tree that has other numbers of pages or rows than it says");
    }

    [[nodiscard]] bool less(bytes_view a, bytes_view b) const
    {
        if (in_free_tree_)
            return number_at<std::uint64_t>(a, 0) < number_at<std::uint64_t>(b, 0);
        return std::ranges::lexicographical_compare(a, b);
    }

    struct node {
        std::uint64_t low;
        std::uint64_t high;
        std::uint64_t flags;
        bytes_view key;
        bytes_view rest; // to the end of the page
        std::size_t offset;
    };

    std::optional<std::vector<node>> read_nodes(std::uint64_t page, bytes_view all)
    {
        const auto lower = number_at<std::uint16_t>(all, 12);
        const auto upper = number_at<std::uint16_t>(all, 14);
        if (lower < head_size || lower % 2 != 0 || upper < lower || upper > page_size_) {
            complain(page, "the head of the page says what cannot be");
            return std::nullopt;
        }
        std::vector<node> out;
        for (std::size_t i = head_size; i < lower; i += 2) {
            const auto at = number_at<std::uint16_t>(all, i);
            if (at < upper || at % 2 != 0 || at + node_head_size > page_size_) {
                complain(page, "a node lies where none can be");
                return std::nullopt;
            }
            const bytes_view here = all.subspan(at);
            const auto key_size = number_at<std::uint16_t>(here, 6);
            if (key_size > key_most || node_head_size + key_size > here.size() ||
                (in_free_tree_ && key_size != sizeof(std::uint64_t) && (key_size != 0 || i != head_size))) {
                complain(page, "a node has a key that cannot be");
                return std::nullopt;
            }
            out.push_back({number_at<std::uint16_t>(here, 0), number_at<std::uint16_t>(here, 2),
                           number_at<std::uint16_t>(here, 4), here.subspan(node_head_size, key_size),
                           here.subspan(node_head_size + key_size), at});
        }
        return out;
    }

    // Do the nodes fill the page from `upper` to its end, each once?
    bool fills_page(std::uint64_t page, bytes_view all, std::vector<std::pair<std::size_t, std::size_t>> extents)
    {
        std::ranges::sort(extents);
        std::size_t at = number_at<std::uint16_t>(all, 14);
        for (const auto& [offset, size] : extents) {
            if (offset != at)
                return complain(page, "nodes overlap, or something is between them");
            at += size + size % 2;
        }
        return at == page_size_ || complain(page, "the nodes do not fill the page");
    }

    bool walk_page(std::uint64_t page, unsigned levels, key_range range)
    {
        if (!take(page, 1))
            return false;
        const bytes_view all = file_.subspan(page * page_size_, page_size_);
        const std::uint16_t kind = levels > 1 ? page_branch : page_leaf;
        if (number_at<std::uint64_t>(all, 0) != page || number_at<std::uint16_t>(all, 10) != kind)
            return complain(page, "it is not the page that its parent says");
        const auto nodes = read_nodes(page, all);
        if (!nodes)
            return false;
        if (nodes->empty() || (kind == page_branch && nodes->size() < 2))
            return complain(page, "it has too few nodes");
        return kind == page_branch ? walk_branch(page, all, *nodes, levels, range)
                                   : walk_leaf(page, all, *nodes, range);
    }

    bool walk_branch(std::uint64_t page, bytes_view all, const std::vector<node>& nodes, unsigned levels,
                     key_range range)
    {
        ++counted_.branch_pages;
        std::vector<std::pair<std::size_t, std::size_t>> extents;
        for (const node& each : nodes)
            extents.emplace_back(each.offset, node_head_size + each.key.size());
        if (!fills_page(page, all, std::move(extents)))
            return false;
        bool sound = true;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            // The first key of a branch is never looked at.
            key_range below = range;
            if (i > 0)
                below.from = nodes[i].key;
            if (i + 1 < nodes.size())
                below.before = nodes[i + 1].key;
            if (i > 0 && ((range.from && less(nodes[i].key, *range.from)) ||
                          (range.before && !less(nodes[i].key, *range.before))))
                return complain(page, "a key that belongs to another page");
            const std::uint64_t child = nodes[i].low | nodes[i].high << 16 | nodes[i].flags << 32;
            sound = walk_page(child, levels - 1, below) && sound;
        }
        return sound;
    }

    bool walk_leaf(std::uint64_t page, bytes_view all, const std::vector<node>& nodes, key_range range)
    {
        ++counted_.leaf_pages;
        counted_.entries += nodes.size();
        std::vector<std::pair<std::size_t, std::size_t>> extents;
        const node* before = nullptr;
        for (const node& each : nodes) {
            const std::size_t size = each.low | each.high << 16;
            const bool overflows = each.flags == node_overflows;
            const std::size_t here = overflows ? sizeof(std::uint64_t) : size;
            if (here > each.rest.size())
                return complain(page, "a row reaches beyond its page");
            extents.emplace_back(each.offset, node_head_size + each.key.size() + here);
            if (each.key.empty() || (before != nullptr && !less(before->key, each.key)) ||
                (range.from && less(each.key, *range.from)) || (range.before && !less(each.key, *range.before)))
                return complain(page, "its keys are out of order");
            before = &each;
            if (!take_value(page, each, size))
                return false;
        }
        return fills_page(page, all, std::move(extents));
    }

    bool take_value(std::uint64_t page, const node& row, std::size_t size)
    {
        if (row.flags == node_overflows) {
            const auto first = number_at<std::uint64_t>(row.rest, 0);
            const std::uint64_t count = (head_size - 1 + size) / page_size_ + 1;
            if (!take(first, count))
                return false;
            const bytes_view there = file_.subspan(first * page_size_, count * page_size_);
            if (number_at<std::uint64_t>(there, 0) != first || number_at<std::uint16_t>(there, 10) != page_overflow ||
                number_at<std::uint32_t>(there, 12) != count)
                return complain(first, "it does not hold the value that a row has here");
            counted_.overflow_pages += count;
            return !in_free_tree_ || take_list(page, there.subspan(head_size, size));
        }
        if (row.flags == node_is_tree && is_list_of_tables()) {
            if (size != tree_size)
                return complain(page, "a table that is none");
            const tree its = tree_at(row.rest, 0);
            if (its.pad != 0 || its.flags != 0)
                return complain(page, "a table of an unknown kind");
            found_tables_.emplace_back(std::string{reinterpret_cast<const char*>(row.key.data()), row.key.size()}, its);
            return true;
        }
        if (row.flags != 0 || is_list_of_tables())
            return complain(page, "a row of an unknown kind");
        return !in_free_tree_ || take_list(page, row.rest.first(size));
    }

    [[nodiscard]] bool is_list_of_tables() const { return !in_free_tree_ && table_.empty(); }

    // A row of the free pages: their number, and that many of them.
    bool take_list(std::uint64_t page, bytes_view list)
    {
        const auto count = list.size() < 8 ? std::uint64_t{0} : number_at<std::uint64_t>(list, 0);
        if (list.size() < 8 || count > list.size() / 8 - 1)
            return complain(page, "a list of free pages that is none");
        for (std::uint64_t i = 1; i <= count; ++i)
            free_.push_back(number_at<std::uint64_t>(list, 8 * i));
        return true;
    }

    const bytes_view file_;
    const std::span<const char* const> names_;
    std::uint64_t page_size_ = 4096;
    std::uint64_t last_page_ = 0;
    std::vector<bool> used_;
    std::vector<std::uint64_t> free_;
    std::vector<std::pair<std::string, tree>> found_tables_;
    std::string table_; // whose pages are walked
    bool in_free_tree_ = false;
    sums counted_;
    page_report out_;
};

} // namespace

page_report walk_pages(const std::filesystem::path& data_file, std::span<const char* const> table_names)
{
    const mapped_file file{data_file};
    return page_walker{file.all(), table_names}.run();
}

} // namespace doorward::kv
