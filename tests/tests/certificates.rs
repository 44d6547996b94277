//! Certificates (rules C1 to C8): made while the tests run, real ones, and those that others test themselves with.

mod certificates {
    mod codes;
    mod corpus;
    mod crosscheck;
    mod damage;
    mod fixtures;
    mod forms;
    mod made;
    mod policies;
    mod roots;
    mod secrets;
    mod tools;
}
