//! Several nodes on a redis-server: what people on different nodes see of each other, and that nothing is lost when a
//! node or Redis is killed, suspended, cut off or restarted. Each test starts its own Redis, and ends it.
//!
//! The tests mostly wait, so more of them run at once than there are cores; the standard harness can only be told so
//! from outside. Without redis-server they are ignored, which `.ci/run` does not accept.

mod alike;
mod cluster;
mod crowd;
mod cuts;
mod deaths;
mod encrypted;
mod failover;
mod files;
mod invalid_data;
mod operators;
mod posts;
mod redis;
mod redis_back;
mod redis_faults;
mod rights;
mod seats;
mod stage;
mod stored;
#[path = "../support/mod.rs"]
mod support;
mod suspended;
mod tab;
mod together;
mod upgrade;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use support::program::installed;

/// How many tests run at once, unless `--test-threads` says otherwise.
const AT_ONCE: usize = 8;

/// The tests with these paths. One that is missing in the list is dead code, of which the compiler warns.
macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

/// All tests, those that take longest first.
const TESTS: &[(&str, fn())] = tests![
    alike::a_page_gets_the_same_answers_from_a_mirror,
    alike::a_socketio_client_gets_the_same_answers_from_a_mirror,
    alike::with_hosts_first_a_mirror_answers_as_a_server_without_others,
    cuts::an_owner_is_cut_off,
    cuts::a_mirror_is_cut_off,
    cuts::the_link_of_an_owner_goes_silent,
    cuts::a_mirror_hears_nothing_any_more,
    cuts::an_owner_reaches_nobody_any_more,
    redis_faults::a_second_without_redis_makes_nobody_away,
    redis_faults::ten_seconds_without_redis_leave_each_node_to_its_own_people,
    redis_faults::subscribers_that_redis_cuts_off_miss_nothing,
    redis_faults::a_subscriber_that_is_far_behind_is_cut_off_and_misses_nothing,
    redis_faults::what_is_no_message_is_dropped,
    redis_faults::a_full_redis_takes_no_posts_and_people_go_on_writing,
    redis_faults::an_emptied_redis_gets_the_posts_again,
    redis_faults::a_redis_that_restarts_with_nothing_gets_the_posts_again,
    redis_faults::a_redis_that_restarts_from_an_old_dump_gets_the_later_posts_again,
    redis_back::an_emptied_redis_gets_the_whole_room_again,
    redis_back::a_redis_that_goes_on_with_an_old_dump_gets_what_has_changed_since,
    redis_back::a_node_that_takes_over_from_a_killed_owner_restores_what_an_old_dump_lacks,
    redis_back::what_hosts_have_undone_stays_undone_after_an_old_dump,
    redis_back::posts_that_do_not_fit_are_restored_once_there_is_room,
    redis_back::a_post_is_sent_again_after_all_nodes_have_restarted_and_redis_was_emptied_and_is_posted_once,
    redis_back::a_redis_that_has_lost_its_last_moments_without_being_away_is_noticed,
    invalid_data::keys_of_another_type_hurt_only_their_room,
    invalid_data::nodes_whose_list_makes_no_sense_are_cut_off_and_come_back,
    invalid_data::scripts_that_redis_has_lost_are_loaded_again_and_nobody_notices,
    invalid_data::a_room_goes_on_whatever_numbers_somebody_writes,
    invalid_data::a_room_goes_on_whatever_owner_and_whatever_nodes_somebody_writes,
    invalid_data::epochs_that_no_clock_reaches_split_no_room,
    invalid_data::a_log_without_numbers_takes_no_posts_and_others_do,
    invalid_data::entries_of_a_log_that_are_no_posts_are_left_out,
    upgrade::a_rolling_restart_of_three_nodes_loses_nobody_and_nothing,
    crowd::a_crowd_on_three_nodes_reads_along,
    failover::a_replica_that_is_promoted_has_the_room,
    failover::two_sides_of_a_failover_are_one_room_again,
    failover::a_primary_without_its_replica_takes_no_posts_if_it_is_told_so,
    suspended::a_suspended_owner_comes_back_as_a_mirror_with_its_people,
    suspended::a_suspended_mirror_comes_back_with_its_people,
    suspended::people_whose_grace_is_over_while_their_node_is_suspended_get_a_new_seat_and_keep_their_texts,
    suspended::the_rest_of_three_nodes_agree_while_one_is_suspended,
    deaths::when_the_owner_is_killed_the_others_go_on_and_its_people_come_back_with_everything,
    deaths::people_of_a_killed_owner_who_do_not_come_back_are_gone_after_their_grace,
    deaths::when_a_mirror_is_killed_its_people_are_away_until_they_come_back,
    deaths::at_sigterm_the_owner_hands_the_room_over,
    deaths::at_sigterm_of_a_mirror_nobody_else_notices_and_its_people_come_back,
    deaths::at_sigterm_of_the_only_node_with_people_nothing_is_lost_that_pages_have,
    deaths::when_all_nodes_were_killed_the_log_and_what_hosts_set_are_in_redis,
    rights::the_rights_in_the_guide_are_enough,
    rights::without_one_of_the_rights_in_the_guide_a_node_does_not_start_and_says_why,
    rights::without_its_keys_or_channels_a_node_does_not_start_and_says_why,
    rights::a_right_that_is_taken_away_is_named_in_the_log,
    encrypted::nodes_reach_redis_over_tls_as_a_user_with_a_password,
    encrypted::a_redis_whose_certificate_is_not_trusted_is_not_used,
    encrypted::where_nobody_answers_the_handshake_a_node_does_not_start,
    encrypted::a_node_whose_connections_were_swallowed_is_linked_again_by_later_ones,
    files::no_unposted_text_and_no_session_is_in_a_file_of_redis,
    operators::without_redis_a_node_does_not_start,
    operators::an_address_that_is_none_is_an_error,
    operators::a_store_and_redis_at_once_are_an_error,
    operators::a_password_is_needed_used_and_never_logged,
    operators::what_a_redis_says_that_takes_no_connection_is_shown,
    operators::clusters_with_different_prefixes_share_nothing_on_one_redis,
    operators::health_says_how_many_nodes_there_are,
    operators::the_log_says_which_node_is_gone_and_what_was_taken_over,
    operators::without_a_cluster_health_says_nothing_of_nodes,
    operators::the_guide_lists_every_metric_of_a_node_and_no_other,
    operators::a_log_is_read_from_redis_by_the_command_and_over_http,
    operators::posts_that_are_older_than_keep_says_are_swept,
    operators::without_a_key_file_nobody_can_be_a_host_and_the_log_says_so,
    posts::a_post_that_is_sent_to_two_nodes_is_posted_once,
    posts::posts_over_http_reach_a_room_that_nobody_is_in,
    posts::posts_from_all_nodes_at_once_have_one_order,
    posts::a_post_that_redis_has_and_nobody_was_told_of_is_not_posted_again,
    posts::a_post_of_a_mirror_that_the_owner_did_not_live_to_number_is_posted_once,
    seats::a_tab_that_comes_back_through_another_node_has_its_seat,
    seats::somebody_who_drops_is_away_on_both_nodes_and_then_gone,
    seats::a_later_tab_with_the_same_session_takes_the_seat_whichever_node_it_is_on,
    seats::a_goodbye_is_heard_by_all_nodes,
    seats::a_locked_room_takes_its_people_back_through_any_node,
    stored::the_text_of_a_removed_post_is_gone_and_its_number_stays,
    stored::an_owner_that_was_deposed_erases_no_post,
    stored::a_log_that_redis_has_kept_without_its_room_goes_on_after_its_last_post,
    stored::clusters_in_two_databases_share_nothing,
    stored::a_room_whose_posts_are_all_gone_goes_on_after_its_last_number,
    stored::of_settings_that_were_undone_redis_keeps_the_version_for_a_time,
    seats::a_connection_has_one_seat_whichever_node_it_is_on,
    seats::whoever_gets_no_seat_from_another_node_is_told_so_and_so_are_their_posts_and_texts,
    together::texts_posts_and_names_go_both_ways,
    together::rooms_that_are_on_one_node_stay_apart,
    together::splices_are_applied_in_their_order,
    together::equal_names_at_once_are_made_different,
    together::viewers_of_all_nodes_are_counted,
    together::a_host_runs_the_room_from_any_node,
    together::a_host_clears_removes_and_appoints_people_of_other_nodes,
    together::a_socketio_client_and_a_page_on_another_node_see_each_other,
    together::posts_over_http_and_logs_are_the_same_at_every_node,
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let is_ignored = installed("redis-server").is_none();
    let trial = |&(name, test): &(&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(is_ignored)
    };
    libtest_mimic::run(&arguments, TESTS.iter().map(trial).collect()).exit_code()
}
