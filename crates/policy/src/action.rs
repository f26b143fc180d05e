//! The list of actions and what each one needs.

/// What a subject must be for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A member of the workspace, whatever the role.
    Member,
    /// An owner of the workspace.
    Owner,
    /// A person (not a token), about their own things.
    Person,
    /// An administrator of the instance, whatever the role in a workspace. It opens no tenant's data.
    Admin,
    /// Chela itself: jobs, reconciler, control socket.
    System,
}

/// An action; implemented by marker types only.
pub trait Action: Send + Sync + 'static {
    /// `slice.noun` as written to audit and the matrix.
    const NAME: &'static str;
    /// What it needs.
    const NEEDS: Needs;
}

/// An action as a value, for registries and the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    pub name: &'static str,
    pub needs: Needs,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal needs $needs:ident;)*) => {
        /// One type per action.
        pub mod markers {
            $($(#[$doc])* #[derive(Clone, Copy, Debug)] pub struct $name;)*
        }
        $(impl Action for markers::$name {
            const NAME: &'static str = $text;
            const NEEDS: Needs = Needs::$needs;
        })*
        /// Every action there is.
        pub const fn all_actions() -> &'static [ActionInfo] {
            &[$(ActionInfo { name: $text, needs: Needs::$needs }),*]
        }
    };
}

actions! {
    /// Know who one is.
    ReadSelf = "auth.read_self" needs Member;
    /// One's own passkeys and sessions.
    ManageSelf = "auth.manage_self" needs Person;
    /// API tokens of the workspace.
    ManageTokens = "auth.manage_tokens" needs Owner;
    /// See bots.
    ReadBots = "bots.read" needs Member;
    /// Make, change, start, stop, delete bots.
    WriteBots = "bots.write" needs Owner;
    /// What the reconciler does to bots.
    RunBots = "bots.run" needs System;
    /// See notifications of the workspace, mark them as read, mute bots: for oneself.
    ReadNotifications = "notify.read" needs Member;
    /// Choose what one is told of, and on which devices.
    ChooseNotifications = "notify.choose" needs Person;
    /// Write down what happened, and push it.
    RunNotifications = "notify.run" needs System;
    /// See provider keys, never their secret.
    ReadKeys = "keys.read" needs Member;
    /// Add, test, replace, delete provider keys.
    WriteKeys = "keys.write" needs Owner;
    /// Open sealed provider keys for the relay.
    UseKeys = "keys.use" needs System;
    /// See what models cost.
    ReadPrices = "prices.read" needs Member;
    /// Set and delete prices of one's own.
    WritePrices = "prices.write" needs Owner;
    /// See fallback chains, and what of them would be skipped.
    ReadChains = "chains.read" needs Member;
    /// Make, replace and delete chains of one's own.
    WriteChains = "chains.write" needs Owner;
    /// Read chats.
    ReadChat = "chat.read" needs Member;
    /// Write to bots, manage threads.
    WriteChat = "chat.write" needs Owner;
    /// Take in what bots answer.
    RunChat = "chat.run" needs System;
    /// See what model calls were made.
    ReadUsage = "usage.read" needs Member;
    /// Write the ledger.
    WriteUsage = "usage.write" needs System;
    /// See budgets.
    ReadBudgets = "budgets.read" needs Member;
    /// Make, change, delete budgets.
    WriteBudgets = "budgets.write" needs Owner;
    /// Stop model calls at once, and allow them again.
    StopCalls = "budgets.stop" needs Owner;
    /// Tell people that one is nearly or wholly used up.
    RunBudgets = "budgets.run" needs System;
    /// Read the audit log.
    ReadAudit = "audit.read" needs Owner;
    /// See the jobs of the instance.
    ReadJobs = "jobs.read" needs Admin;
    /// Retry, cancel, discard jobs.
    ManageJobs = "jobs.manage" needs Admin;
    /// See what belongs to no bot any more.
    ReadOrphans = "orphans.read" needs Admin;
    /// Remove it.
    RemoveOrphans = "orphans.remove" needs Admin;
    /// See facts about the instance.
    ReadInstance = "settings.read" needs Member;
    /// Members, links and tokens made on the server machine.
    Administer = "auth.administer" needs System;
}

/// Role by action, as a table a person can review in a diff. `admin` is what that flag adds to a role.
pub fn matrix() -> String {
    let mut table = String::from(
        "action                 nobody  viewer  owner  token(viewer)  token(owner)  admin  system\n",
    );
    for action in all_actions() {
        let row = match action.needs {
            Needs::Member => ["-", "yes", "yes", "yes", "yes", "-", "yes"],
            Needs::Owner => ["-", "-", "yes", "-", "yes", "-", "yes"],
            Needs::Person => ["-", "yes", "yes", "-", "-", "-", "-"],
            Needs::Admin => ["-", "-", "-", "-", "-", "yes", "yes"],
            Needs::System => ["-", "-", "-", "-", "-", "-", "yes"],
        };
        let [nobody, viewer, owner, token_viewer, token_owner, admin, system] = row;
        table.push_str(&format!(
            "{:<22} {nobody:<7} {viewer:<7} {owner:<6} {token_viewer:<14} {token_owner:<13} {admin:<6} {system}\n",
            action.name
        ));
    }
    table
}
