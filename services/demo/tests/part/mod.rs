//! A pod of the demonstrations: the program in one of its parts, and the same program asking it.
#![allow(dead_code)] // each test binary uses its own part

#[path = "../../../testing/mod.rs"]
pub mod testing;

use std::{
    ops::{Deref, DerefMut},
    process::Output,
};

use serde_json::Value;
use testing::{Reply, Running, nobody, request, run};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_demo");

pub struct Part {
    running: Running,
    control: String,
}

impl Part {
    pub fn start(role: &str, more: &[(&str, &str)]) -> Self {
        let control = nobody().to_string();
        let mut environment = vec![
            ("ROLE", role),
            ("POD_NAME", "pod-1"),
            ("CONTROL_ADDRESS", control.as_str()),
        ];
        environment.extend(more);
        Self {
            running: Running::start(PROGRAM, &environment),
            control,
        }
    }

    pub fn with(&self, target: &str, headers: &[(&str, &str)]) -> Reply {
        request(self.address, "GET", target, headers)
    }

    pub fn status(&self, target: &str) -> u16 {
        self.get(target).status
    }

    pub fn ask(&self, method: &str, target: &str) -> Output {
        run(PROGRAM, &[method, target], &[("CONTROL_ADDRESS", &self.control)])
    }

    /// What the pod says of itself, in JSON.
    pub fn told(&self, method: &str, target: &str) -> Value {
        let asked = self.ask(method, target);
        assert!(asked.status.success(), "{asked:?}");
        serde_json::from_slice(&asked.stdout).unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Deref for Part {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Part {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}
