//! Tests of all targets.

mod doctors;
mod file_doctors;
mod gates;
mod imports;
mod model;
pub(crate) mod round_trips;

use pullgate::Policy;

use crate::decisions::PolicyContext;
use crate::policy_view::PolicyView;

/// The time of the tests, at which the certificates of the tests are valid: 2027-01-01.
pub(crate) const TEST_TIME: u64 = 1_798_761_600;

/// Loads a policy, and gives it to a test.
pub(crate) fn with_policy<T>(json: &str, test: impl FnOnce(PolicyContext<'_>) -> T) -> T {
    let report = pullgate::check_policy(json, TEST_TIME);
    let Some(canonical) = report.canonical else { panic!("{json}: {:?}", report.findings) };
    let loaded = Policy::load(json, TEST_TIME).unwrap_or_else(|findings| panic!("{json}: {findings:?}"));
    let view = PolicyView::new(&canonical, None).unwrap();
    test(PolicyContext { view: &view, policy: &loaded.policy, project: None })
}
