//! What the original writes to LinkedIn: every such path is there and answers 501, because a mirror never writes.
//!
//! A key is asked for first, so that strangers do not learn which paths exist from their answers. Nothing of the body is
//! looked at.

use utoipa_axum::routes;

use super::answer::Fault;
use super::caller::Known;
use super::document::Documented;
use crate::refusal::Refusal;

macro_rules! refused {
    ($($handler:ident: $method:ident $path:literal $operation:literal, $summary:literal;)*) => {
        $(
            #[doc = $summary]
            #[utoipa::path($method, path = $path, operation_id = $operation, tag = "write", security(("key" = [])),
                responses((status = 501, description = "read_only_mirror")))]
            async fn $handler(_: Known) -> Fault {
                Refusal::ReadOnlyMirror.into()
            }
        )*

        /// Every path of HTTP contract 4, 5 and 6 that writes, and those of Sales Navigator.
        pub(super) fn routes() -> Documented {
            Documented::new()$(.routes(routes!($handler)))*
        }
    };
}

refused! {
    send: post "/conversations/send" "conversations-send-message", "Send a message";
    upload: post "/conversations/upload-attachment" "conversations-upload-attachment", "Upload an attachment";
    mark_unread: patch "/conversations/{conversationUrn}/mark-unread" "conversations-mark-unread",
        "Mark a conversation as unread";
    star: patch "/conversations/{conversationUrn}/star" "conversations-star", "Star a conversation";
    unstar: patch "/conversations/{conversationUrn}/unstar" "conversations-unstar", "Take the star from a conversation";
    react: post "/conversations/{conversationUrn}/messages/{messageUrn}/react" "conversations-react-message",
        "React to a message";
    delete: delete "/conversations/{conversationUrn}/messages/{messageUrn}" "conversations-delete-message",
        "Recall a message";
    message: post "/message" "send-message", "Send a message (oldest family)";
    mark_seen: post "/messaging/mark-seen" "messaging-mark-seen", "Mark a conversation as seen";
    mark_all_read: post "/messaging/mark-all-read" "messaging-mark-all-read", "Mark everything as read";
    typing: post "/messaging/typing-indicator" "messaging-typing-indicator", "Show that somebody types";
    check_email: post "/messaging/check-email-support" "messaging-check-email-support",
        "Can somebody be written to by e-mail";
    older_send: post "/messaging/send" "messaging-send", "Send a message (older family)";
    send_typing: post "/messaging/send-with-typing" "messaging-send-with-typing", "Send a message after typing";
    send_ack: post "/messaging/send-with-ack" "messaging-send-with-ack", "Send a message and mark as seen";
    send_group: post "/messaging/send-group" "messaging-send-group", "Send a message to a group";
    send_group_typing: post "/messaging/send-group-with-typing" "messaging-send-group-with-typing",
        "Send a message to a group after typing";
    send_group_ack: post "/messaging/send-group-with-ack" "messaging-send-group-with-ack",
        "Send a message to a group and mark as seen";
    sales_threads: get "/sales-nav/threads" "sales-nav-threads", "List Sales Navigator threads";
    sales_thread: get "/sales-nav/threads/{threadId}" "sales-nav-thread", "A Sales Navigator thread";
    sales_read: post "/sales-nav/mark-read" "sales-nav-mark-read", "Mark a Sales Navigator thread as read";
    sales_send: post "/sales-nav/send" "sales-nav-send", "Send a Sales Navigator message";
}
