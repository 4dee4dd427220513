//! `xbuild`.
use clap::Parser;
use builder::{cache::Cache, sandbox::{self, Sandbox}, stage::Reporter, debian::{fetch::Fetcher, mirror::Candidates}, repository::Repository, tools::Tools, failure::Shown};
#[derive(Parser)]
enum Cli { Sandbox(Sandbox), #[command(name="sandbox-init")] Init(Sandbox), Tools, Node }
fn run(cli: Cli) -> anyhow::Result<i32> {
    match cli {
        Cli::Sandbox(s) => { if std::env::var_os(sandbox::INSIDE).is_none() { builder::privilege::become_root()?; } sandbox::enter(&s) }
        Cli::Init(s) => sandbox::init(&s),
        c => {
            builder::privilege::become_root()?;
            let cache = Cache::open(&Cache::default_root()?)?;
            let rep = Reporter::new(false, true, cache.root().join("log"));
            let f = Fetcher::new(&cache, false)?;
            let st = rep.stage("mirrors")?;
            let repo = Repository::newest(&f, &cache, &Candidates::of_host("/etc/apt".as_ref()), None)?;
            st.done();
            let st = rep.stage("resolve tools")?;
            let p = repo.tools()?; println!("{}", p.len()); st.done();
            let st = rep.stage("fetch tools")?;
            let debs = repo.fetch(&st, &p)?; st.done();
            let st = rep.stage("tools")?;
            let key = Tools::key(&p)?;
            let tools = Tools::make(&cache, &st, &key, &debs)?; st.done();
            if matches!(c, Cli::Node) {
                let st = rep.stage("resolve node")?;
                let l = vec![installer::model::node::Layer{profile:"base".into(), packages: vec!["systemd-sysv".into(),"apt".into(),"xen-system-amd64".into()]}];
                let n = repo.node(&tools, &st, &l)?; st.done();
                println!("{} {}", n.essential.len(), n.layers[0].len());
            }
            Ok(0)
        }
    }
}
fn main() -> std::process::ExitCode { match run(Cli::parse()) { Ok(c) => std::process::ExitCode::from(c as u8), Err(e) => { eprintln!("{}", Shown(&e)); std::process::ExitCode::FAILURE } } }
