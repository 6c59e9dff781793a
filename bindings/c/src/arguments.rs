//! What C passes: pointers that may be NULL or misaligned, texts, structs that carry their size.

use crate::error::Failure;
use std::ffi::{CStr, c_char};
use std::mem::{MaybeUninit, align_of, size_of};
use std::ptr::NonNull;

/// A reference to what C holds, or a failure with what is wrong.
///
/// # Safety
///
/// A pointer that is neither NULL nor misaligned points to a `T` that lives, and that nobody writes,
/// for `'a`.
pub(crate) unsafe fn reference<'a, T>(pointer: *const T, what: &'static str) -> Result<&'a T, Failure> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::Argument(what));
    }
    // SAFETY: checked for NULL and alignment; the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Where an output goes; written by the caller when all is done.
pub(crate) struct Output<T>(NonNull<T>);

impl<T> Output<T> {
    /// # Safety
    ///
    /// A pointer that is neither NULL nor misaligned points to room for a `T`, which nobody else
    /// reads or writes while the output lives.
    pub(crate) unsafe fn new(pointer: *mut T, what: &'static str) -> Result<Output<T>, Failure> {
        match NonNull::new(pointer) {
            Some(pointer) if pointer.is_aligned() => Ok(Output(pointer)),
            _ => Err(Failure::Argument(what)),
        }
    }

    /// As [`Output::new`], where NULL says that the output is not wanted.
    ///
    /// # Safety
    ///
    /// As [`Output::new`].
    pub(crate) unsafe fn optional(pointer: *mut T, what: &'static str) -> Result<Option<Output<T>>, Failure> {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        unsafe { Output::new(pointer, what) }.map(Some)
    }

    /// The room, to be written in place.
    #[inline]
    pub(crate) fn room(&mut self) -> &mut MaybeUninit<T> {
        // SAFETY: not NULL and aligned (`new`), room for a `T` that is ours alone (its contract), and
        // a `MaybeUninit` asks for no value in it.
        unsafe { self.0.cast::<MaybeUninit<T>>().as_mut() }
    }

    pub(crate) fn write(mut self, value: T) {
        self.room().write(value);
    }
}

/// Room for `capacity` values; NULL is none if the capacity says so, too.
///
/// # Safety
///
/// A pointer that is neither NULL nor misaligned points to room for `capacity` values, which nobody
/// else reads or writes for `'a`.
pub(crate) unsafe fn room<'a, T>(pointer: *mut T, capacity: usize) -> Result<&'a mut [MaybeUninit<T>], Failure> {
    if capacity == 0 {
        return Ok(&mut []);
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::Argument("the output is NULL or misaligned, and its capacity is not 0"));
    }
    if capacity > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::Argument("the capacity is larger than memory can be: was it negative?"));
    }
    // SAFETY: not NULL, aligned, no larger than memory, the caller promises the rest, and a
    // `MaybeUninit` asks for no value.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer.cast(), capacity) })
}

/// `count` things that C passes; NULL is none if the count says so, too.
///
/// # Safety
///
/// A pointer that is neither NULL nor misaligned points to `count` values that live, and that nobody
/// writes, for `'a`.
pub(crate) unsafe fn items<'a, T>(pointer: *const T, count: usize) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::Argument("the input is NULL or misaligned, and its count is not 0"));
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::Argument("the count is larger than memory can be: was it negative?"));
    }
    // SAFETY: not NULL, aligned, no larger than memory, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// A text of `length` bytes, any bytes; NULL is an empty one if the length says so, too.
///
/// # Safety
///
/// A pointer that is not NULL points to `length` bytes that live, and that nobody writes, for `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(text: *const c_char, length: usize) -> Result<&'a [u8], Failure> {
    if text.is_null() {
        return match length {
            0 => Ok(&[]),
            _ => Err(Failure::Argument("the text is NULL, and its length is not 0")),
        };
    }
    if length > isize::MAX as usize {
        return Err(Failure::Argument("the length of the text is larger than memory can be: was it negative?"));
    }
    // SAFETY: not NULL, no object is larger than `isize::MAX`, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(text.cast(), length) })
}

/// A NUL-terminated text; `None` for NULL.
///
/// # Safety
///
/// A pointer that is not NULL points to a NUL-terminated text that lives, and that nobody writes, for
/// `'a`.
#[inline]
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL; the caller promises the rest.
    Some(unsafe { CStr::from_ptr(text) })
}

/// The most bytes that a struct can say it has: far more than any version will have.
const MAX_STRUCT_BYTES: usize = 4096;

/// A struct that begins with its size, so that it can grow: a program that was compiled with an older
/// header passes a shorter one, what is missing is zero, and zero is the default everywhere. One of a
/// newer header is taken as long as it asks for nothing that this library does not know.
///
/// # Safety
///
/// All zeros must be a `T`, and so must be whatever C puts into it; `T` is `repr(C)` and begins with
/// its size, a `usize`. A pointer that is neither NULL nor misaligned points to as many bytes as the
/// first member says.
#[inline]
pub(crate) unsafe fn sized<T: Copy>(pointer: *const T, first_version: usize, what: &'static str) -> Result<T, Failure> {
    const { assert!(align_of::<T>() >= align_of::<usize>()) };
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::Argument(what));
    }
    // SAFETY: aligned and not NULL; at least the size is there.
    let size = unsafe { pointer.cast::<usize>().read() };
    if size == size_of::<T>() {
        // SAFETY: all of it is there.
        return Ok(unsafe { pointer.read() });
    }
    if size < first_version || size > MAX_STRUCT_BYTES {
        return Err(Failure::Argument(what));
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the source has `size` bytes, and no more than fit are copied.
    unsafe {
        let known = size.min(size_of::<T>());
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known);
    }
    for at in size_of::<T>()..size {
        // SAFETY: `at` is below the size.
        if unsafe { pointer.cast::<u8>().add(at).read() } != 0 {
            return Err(Failure::Argument(
                "a struct asks for something that this version of the library does not have",
            ));
        }
    }
    // SAFETY: zeros, and bytes of C's struct over them: a `T` by this function's contract.
    Ok(unsafe { value.assume_init() })
}
