//! Small parts that several slices share: errors where the work is, the title of a page, a page that is not there.

use crate::i18n::{Locale, locale, texts};
use api::{ApiError, Code};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Banner, CopyText, IntoWhole, Tone, Within};

texts! {
    copy: "Copy", "复制";
    request_id: "Request", "请求编号";
    log_in: "Sign in", "登录";
    missing_title: "Nothing here", "这里什么也没有";
    missing_text: "This page does not exist, or you may not see it.", "此页面不存在，或者您无权查看。";
    home: "Go home", "返回首页";
    cancel: "Cancel", "取消";
    save: "Save", "保存";
    delete: "Delete", "删除";
    more: "Next page", "下一页";
    first: "First page", "第一页";
}

/// What kind of failure it is, in a few words; Chinese pages lead with it, as messages come in English.
const fn kind_zh(code: Code) -> &'static str {
    match code {
        Code::Malformed | Code::UnsupportedMediaType => "请求无法读取",
        Code::Unauthenticated => "请先登录",
        Code::Forbidden => "您的角色不允许此操作",
        Code::NotFound | Code::MethodNotAllowed => "不存在，或者您无权查看",
        Code::Conflict | Code::InFlight => "与当前状态冲突",
        Code::InDoubt => "上次请求中断，是否完成未知",
        Code::Stale => "已被他人修改",
        Code::Gone => "已失效",
        Code::TooLarge => "内容过大",
        Code::Invalid | Code::IdempotencyMismatch => "输入不符合规则",
        Code::KeyRejected => "密钥未通过验证",
        Code::RateLimited => "操作过于频繁，请稍候",
        Code::Internal => "我们这边出了问题",
        Code::Upstream => "上游系统回应异常",
        Code::Unavailable => "暂时不可用",
        Code::Timeout => "等待超时",
        Code::StorageFull => "磁盘已满",
    }
}

/// The headline of an error in the language of the page.
pub fn headline(error: &ApiError) -> String {
    match locale() {
        Locale::En => error.message.clone(),
        Locale::Zh => format!("{}（{}）", kind_zh(error.code), error.message),
    }
}

/// An error at the place where the work is: what happened, what to do, and the id that leads to the log.
#[component]
pub fn ErrorNote(error: ApiError) -> impl IntoView {
    let t = text();
    let gone = error.code == Code::Unauthenticated;
    let title = headline(&error);
    // Fields whose words the headline does not already carry.
    let fields: Vec<_> = if error.fields.len() > 1 { error.fields } else { Vec::new() };
    view! {
        <Banner tone=Tone::Bad title>
            {fields
                .into_iter()
                .map(|field| {
                    view! { <p>{field.pointer.trim_start_matches('/').to_owned()} ": " {field.detail}</p> }
                })
                .collect_view()} {error.hint.map(|hint| view! { <p>{hint}</p> })}
            {gone.then(|| view! { <p><a href="/login" rel="external">{t.log_in}</a></p> })}
            {error
                .request_id
                .map(|id| view! { <p class="request-id">{t.request_id} " " <CopyText text=id label=t.copy/></p> })}
        </Banner>
    }
}

/// The last failure of some work, if it failed; announced when it appears. Once the form is touched again,
/// `public/page.js` marks it as past (`data-news="past"`); the next failure takes that mark away.
#[component]
pub fn Failure(
    #[prop(into)] error: Signal<Option<ApiError>>,
    /// A field of the form shows it already: it is announced, and not shown twice.
    #[prop(optional, into)]
    told: Signal<bool>,
) -> impl IntoView {
    let count = StoredValue::new(0_u32);
    let news = move || {
        error.track();
        count.update_value(|count| *count = count.wrapping_add(1));
        count.get_value().to_string()
    };
    view! {
        <div class="failure" class:sr-only=move || told.get() data-news=news>
            {move || error.get().map(|error| view! { <ErrorNote error/> })}
        </div>
    }
}

/// The error of the last run of an action, forgotten while it runs again.
pub fn failure_of<T: Send + Sync + 'static>(
    value: impl Fn() -> Option<Result<T, ApiError>> + Send + Sync + 'static,
) -> Signal<Option<ApiError>> {
    Signal::derive(move || value().and_then(Result::err))
}

/// Whether an action has just succeeded; notifies every time it does.
pub fn success_of<T: Send + Sync + 'static>(
    value: impl Fn() -> Option<Result<T, ApiError>> + Send + Sync + 'static,
) -> Signal<bool> {
    Signal::derive(move || matches!(value(), Some(Ok(_))))
}

/// What is wrong with one field, from an answer's error.
pub fn field_error(error: Signal<Option<ApiError>>, pointer: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || {
        let error = error.get()?;
        error.fields.into_iter().find(|field| field.pointer == pointer).map(|field| field.detail)
    })
}

/// The title in the tab and as the page's heading.
#[component]
pub fn Heading(
    #[prop(into)] title: String,
    /// What can be done here.
    #[prop(optional)]
    children: Option<Within>,
) -> impl IntoView {
    view! {
        <Title text=title.clone()/>
        <header class="page-head">
            <h1>{title}</h1>
            {children.map(|children| view! { <div class="page-acts">{children.view()}</div> })}
        </header>
    }
}

/// What stands where a page, or what it is about, does not exist. Answers 404.
#[component]
pub fn Missing() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::request::status(404);
    let t = text();
    view! {
        <Title text=t.missing_title/>
        <div class="missing">
            <p class="missing-code">"404"</p>
            <h1>{t.missing_title}</h1>
            <p>{t.missing_text}</p>
            <p><a class="btn" href="/">{t.home}</a></p>
        </div>
    }
}

/// A page's data that failed to load: what is not there is a missing page, the rest says what happened.
#[component]
pub fn Unloaded(error: ApiError) -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::request::status(error.code.status());
    if error.code == Code::NotFound {
        view! { <Missing/> }.whole()
    } else {
        view! { <ErrorNote error/> }.whole()
    }
}

/// Links through the pages of a list.
#[component]
pub fn Pager(
    /// Path of the list, and what narrows it.
    #[prop(into)]
    base: String,
    /// This is not the first page.
    later: bool,
    /// Cursor of the next page.
    next: Option<String>,
    /// How the address names the cursor, where a page has two lists.
    #[prop(default = "cursor")]
    named: &'static str,
) -> impl IntoView {
    let t = text();
    let and = if base.contains('?') { '&' } else { '?' };
    let next = next.map(|cursor| format!("{base}{and}{named}={cursor}"));
    view! {
        <nav class="pager">
            {later.then(|| view! { <a class="btn" href=base>{t.first}</a> })}
            {next.map(|href| view! { <a class="btn" href=href>{t.more}</a> })}
        </nav>
    }
}
