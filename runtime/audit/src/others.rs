//! Judges what other programs did to a table (OPTIMIZE, DELETE, MERGE, RESTORE, VACUUM, changed properties), by what it does
//! to the rows, and counts it. Pure.

use std::collections::BTreeSet;

use super::files::{Claim, Tracing, rows_of};
use super::finding::{Fault, Place};
use super::history::{Commit, FileKey};
use super::known::Origin;
use super::offset_set::OffsetSet;
use super::other_commits::OtherCommits;

impl Tracing<'_> {
    /// Judges what another program did to the rows.
    pub(super) fn judge(&mut self, commit: &Commit) -> Claim {
        let added = rows_of(commit);
        let removed = self.known.rows_removed_by(commit);
        self.count(commit, added, removed);
        if !commit.changes_data {
            if let Some((added, removed)) = added.zip(removed)
                && added != removed
            {
                let place = Place::table(self.table).version(commit.version);
                let message = format!(
                    "{} claims that it changes no rows, but it replaced {removed} rows by {added}",
                    commit.operation()
                );
                let fault = if added < removed { Fault::RowsGone } else { Fault::RowsUnbalanced };
                self.findings.violation(fault, place, message);
            }
            return Claim::Rows(0);
        }
        if !commit.removed.is_empty() {
            self.rows_changed(commit, added, removed);
        }
        Claim::Files
    }

    fn rows_changed(&mut self, commit: &Commit, added: Option<u64>, removed: Option<u64>) {
        let operation = commit.operation();
        if operation.eq_ignore_ascii_case("RESTORE") && self.takes_back(commit, added, removed) {
            let count = removed.map_or("an unknown number of".to_owned(), |rows| rows.to_string());
            let message =
                format!("RESTORE removed {count} rows, but did not move the ledger back: no run will add them again");
            self.findings.violation(Fault::RowsGone, Place::table(self.table).version(commit.version), message);
        }
        // After the RESTORE is judged; from here on the rows of these commits cannot be counted.
        self.files.untold.extend(&self.known.sources_removed_by(commit));
        // A DELETE adds no rows. Others may add as many as they remove.
        let lost = match operation {
            "DELETE" => removed.zip(added).map(|(removed, added)| removed.saturating_sub(added)),
            _ => removed,
        };
        self.files.rows_removed = self.files.rows_removed.zip(lost).map(|(sum, lost)| sum + lost);
    }

    /// Whether the commit removes rows of the pipeline that no other file of the table has.
    fn takes_back(&self, commit: &Commit, added: Option<u64>, removed: Option<u64>) -> bool {
        let removes_old =
            commit.removed.iter().any(|key| self.known.get(key).is_none_or(|it| it.origin == Origin::Gone));
        if removes_old && added.zip(removed).is_none_or(|(added, removed)| added < removed) {
            return true;
        }
        let mut kept = OffsetSet::default();
        let removed: BTreeSet<&FileKey> = commit.removed.iter().collect();
        let stays = self.known.live().filter(|(key, _)| !removed.contains(key)).map(|(_, known)| known);
        let returns = commit.added.iter().filter_map(|(key, _)| self.known.get(key));
        stays.chain(returns).for_each(|known| known.add_sources(&mut kept));
        !self.known.sources_removed_by(commit).common(&self.ours).without(&kept).is_empty()
    }

    fn count(&mut self, commit: &Commit, added: Option<u64>, removed: Option<u64>) {
        let version = commit.version;
        // How the table began: every table has that.
        if version == 0 && commit.added.is_empty() {
            return;
        }
        let none =
            OtherCommits { commits: 0, first: version, last: version, rows_added: Some(0), rows_removed: Some(0) };
        let counted = self.files.others.entry(commit.operation().to_owned()).or_insert(none);
        counted.commits += 1;
        counted.last = version;
        counted.rows_added = counted.rows_added.zip(added).map(|(sum, rows)| sum + rows);
        counted.rows_removed = counted.rows_removed.zip(removed).map(|(sum, rows)| sum + rows);
    }

    /// Names the commits of other programs.
    pub(super) fn note_others(&mut self) {
        for (operation, counted) in &self.files.others {
            let OtherCommits { commits, first, last, .. } = counted;
            let versions =
                if first == last { format!("version {first}") } else { format!("versions {first} to {last}") };
            let rows = counted.rows();
            let times = if *commits == 1 { "1 commit".to_owned() } else { format!("{commits} commits") };
            self.findings.note(self.table, format!("other programs: {times} of {operation} ({versions}){rows}"));
        }
    }
}
