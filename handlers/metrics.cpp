// GET /metrics: what the server counts, for Prometheus.

#include "handlers/endpoint.hpp"
#include "handlers/exposition.hpp"
#include "handlers/version.hpp"
#include "registry/tables.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace doorward::handlers {
namespace {

using kind = exposition::type;

constexpr double ns_per_s = 1e9;

constexpr std::array<std::string_view, meters::answer_classes> answer_class_names{"1xx", "2xx", "3xx", "4xx", "5xx"};

void tell_attempts(exposition& out, const services& svc)
{
    const meters& counts = svc.counts;
    out.family("doorward_attempts_total", kind::counter,
               "Attempts whose outcome is on the disk, and noise, which proves no possession and is not counted.");
    for (std::size_t i = 0; i < attempt_kind_names.size(); ++i)
        out.sample(counts.attempts[i].total(), label("outcome", attempt_kind_names[i]));
    out.single("doorward_lockouts_total", kind::counter, "Registrations that a failed attempt blocked or removed.",
               counts.lockouts.total());
    out.family("doorward_verdict_seconds", kind::histogram,
               "From reading a proof to having what came of it on the disk.")
        .samples(counts.verdicts, ns_per_s);
}

void tell_writer(exposition& out, const services& svc)
{
    const kv::writer& writer = svc.writer;
    out.family("doorward_commit_seconds", kind::histogram, "Commits of the store, the flush included.")
        .samples(writer.commit_times(), ns_per_s);
    out.family("doorward_commit_changes", kind::histogram, "Changes in one commit.").samples(writer.batch_sizes(), 1);
    out.single("doorward_changes_waiting", kind::gauge, "Changes that wait for the writer.",
               std::uint64_t{writer.waiting()});
    out.single("doorward_changes_waiting_max", kind::gauge, "More changes than these are refused.",
               std::uint64_t{kv::writer_queue_max});
    out.single("doorward_unsettled_registrations", kind::gauge,
               "Registrations with changes that the disk had no room for.",
               std::uint64_t{svc.unsettled.registrations()});

    const auto journal = svc.journal.used();
    out.single("doorward_journal_lag_rows", kind::gauge, "Rows of the journal in front of the fold mark.",
               std::uint64_t{journal.rows_in_front});
    out.single("doorward_journal_lag_rows_max", kind::gauge, "No attempts are taken beyond this.",
               std::uint64_t{registry::journal_rows_in_front_max});
    out.single("doorward_journal_unfolded_registrations", kind::gauge,
               "Registrations whose counters wait in memory for the fold.", std::uint64_t{journal.unfolded});
    out.single("doorward_folded_registrations_total", kind::counter, "Counters that the fold wrote to their table.",
               svc.counts.folded.total());
    out.family("doorward_fold_step_seconds", kind::histogram, "Steps of the fold, with their commit.")
        .samples(svc.counts.fold_steps, ns_per_s);
}

void tell_transport(exposition& out, const services& svc)
{
    const auto of_side = [](side where) { return label("side", to_text(where)); };
    out.family("doorward_connections", kind::gauge, "Open connections.");
    for (const side where : all_sides)
        out.sample(std::uint64_t{svc.transport.open(where).now}, of_side(where));
    out.family("doorward_connections_max", kind::gauge, "More connections than these wait in the backlog.");
    for (const side where : all_sides)
        out.sample(std::uint64_t{svc.transport.open(where).max}, of_side(where));

    const auto& sides = svc.counts.sides;
    out.family("doorward_http_answers_total", kind::counter, "Answers to requests, by the class of their status.");
    for (const side where : all_sides) {
        for (std::size_t i = 0; i < answer_class_names.size(); ++i)
            out.sample(sides[static_cast<std::size_t>(where)].answers[i].total(),
                       of_side(where) + ',' + label("status", answer_class_names[i]));
    }
    out.family("doorward_http_throttled_total", kind::counter, "Answers with status 429: too much noise.");
    for (const side where : all_sides)
        out.sample(sides[static_cast<std::size_t>(where)].throttled.total(), of_side(where));
    out.family("doorward_http_answer_seconds", kind::histogram, "From having read a request to sending its answer.");
    for (const side where : all_sides)
        out.samples(sides[static_cast<std::size_t>(where)].took, ns_per_s, of_side(where));
    out.single("doorward_wrong_credentials_total", kind::counter, "Requests of the office side that named no account.",
               svc.counts.wrong_credentials.total());
    out.family("doorward_loop_lag_seconds", kind::histogram, "How late event loops come to what is due.")
        .samples(svc.counts.loop_lag, ns_per_s);
}

// Of the applications that the account sees.
void tell_applications(exposition& out, const services& svc, const registry::account& who,
                       registry::event_sequence last)
{
    out.family("doorward_breakers_open", kind::gauge, "Versions whose breaker of mass lockouts is open.");
    for (const auto& each : svc.directory.all_applications()) {
        if (who.may_see(each->id))
            out.sample(std::uint64_t{svc.breaker.all_open(each->id, svc.clock.now()).size()},
                       label("application", each->id));
    }

    const auto lines = svc.webhooks.usage();
    const auto for_each = [&](std::string_view name, std::string_view help, auto value) {
        out.family(name, kind::gauge, help);
        for (const webhook_work::line_usage& each : lines) {
            if (who.may_see(each.application_id))
                out.sample(std::uint64_t{value(each)},
                           label("application", each.application_id) + ',' + label("webhook", each.id.text()));
        }
    };
    for_each("doorward_webhook_lag_events", "Events that were not looked at for the webhook, or wait to be sent to it.",
             [last](const webhook_work::line_usage& each) {
                 return each.waiting + (last > each.looked_at ? last - each.looked_at : 0);
             });
    for_each("doorward_webhook_failing", "1 while a webhook fails so often that it is tried once a minute.",
             [](const webhook_work::line_usage& each) { return each.failing ? 1U : 0U; });
    out.family("doorward_webhook_deliveries_total", kind::counter, "Attempts to deliver an event to a webhook.")
        .sample(svc.counts.deliveries.total(), label("outcome", "delivered"))
        .sample(svc.counts.failed_deliveries.total(), label("outcome", "failed"));
}

struct store_numbers {
    registry::event_sequence last_event = 0;
    std::vector<kv::read_txn::table_usage> tables;
};

store_numbers read_store(const services& svc)
{
    return svc.journal.view([](const registry::snapshot& snapshot) {
        const kv::read_txn& txn = snapshot;
        store_numbers out{registry::last_event(txn).sequence, {}};
        for (std::size_t i = 0; i < std::size(registry::tables::names); ++i)
            out.tables.push_back(txn.usage_of(kv::table{static_cast<unsigned>(i)}));
        return out;
    });
}

void tell_store(exposition& out, const services& svc, const store_numbers& found)
{
    const auto used = svc.journal.store_usage();
    out.single("doorward_store_bytes", kind::gauge, "Size of the store, free pages included.",
               std::uint64_t{used.used_bytes});
    out.single("doorward_store_bytes_max", kind::gauge, "The store does not grow beyond this.",
               std::uint64_t{used.map_bytes});
    out.single("doorward_store_readers", kind::gauge, "Places for snapshots that are taken.",
               std::uint64_t{used.readers});
    out.single("doorward_store_readers_max", kind::gauge, "Places for snapshots.", std::uint64_t{kv::readers_max});
    out.family("doorward_store_rows", kind::gauge, "Rows of each table.");
    for (std::size_t i = 0; i < found.tables.size(); ++i)
        out.sample(std::uint64_t{found.tables[i].rows}, label("table", registry::tables::names[i]));
    out.family("doorward_store_pages", kind::gauge, "Pages of each table; what no table has is free.");
    for (std::size_t i = 0; i < found.tables.size(); ++i)
        out.sample(std::uint64_t{found.tables[i].pages}, label("table", registry::tables::names[i]));
    out.single("doorward_events_total", kind::counter, "Events in the feed: the number of the last one.",
               std::uint64_t{found.last_event});
}

// What Prometheus calls the same for every process.
void tell_process(exposition& out)
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    out.single("process_cpu_seconds_total", kind::counter, "Processor time, user and system.",
               seconds(used.ru_utime) + seconds(used.ru_stime));
    std::ifstream memory{"/proc/self/statm"};
    std::uint64_t pages = 0;
    std::uint64_t resident = 0;
    memory >> pages >> resident;
    out.single("process_resident_memory_bytes", kind::gauge, "Resident memory, pages of the store included.",
               resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    std::error_code ignored;
    const std::filesystem::directory_iterator descriptors{"/proc/self/fd", ignored};
    out.single("process_open_fds", kind::gauge, "Open file descriptors.",
               static_cast<std::uint64_t>(std::distance(begin(descriptors), end(descriptors))));
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    out.single("process_max_fds", kind::gauge, "File descriptors that may be open.", std::uint64_t{limit.rlim_cur});
}

} // namespace

task<response> show_metrics(const call& asked, services& svc)
{
    exposition out;
    out.family("doorward_build_info", kind::gauge, "The version that runs; always 1.")
        .sample(std::uint64_t{1}, label("version", product_version));
    tell_attempts(out, svc);
    tell_writer(out, svc);
    tell_transport(out, svc);
    out.single("doorward_slots", kind::gauge, "Registrations whose attempt word is in memory.",
               std::uint64_t{svc.slots.size()});
    out.single("doorward_slots_max", kind::gauge, "More registrations than these are not kept in memory.",
               std::uint64_t{registry::attempt_slots_max});
    const auto found = read_store(svc);
    tell_applications(out, svc, *asked.who, found.last_event);
    tell_store(out, svc, found);
    tell_process(out);
    response answer;
    answer.content_type = exposition::content_type;
    answer.body = std::move(out.text());
    co_return answer;
}

} // namespace doorward::handlers
