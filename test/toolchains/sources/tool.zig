//! The tool of the suite in Zig: each first argument is one scenario.
const std = @import("std");

pub fn main(init: std.process.Init) !void {
    const io = init.io;
    const args = try init.minimal.args.toSlice(init.arena.allocator());
    const scenario: []const u8 = if (args.len > 1) args[1] else "";
    var buffer: [4096]u8 = undefined;
    var file: std.Io.File.Writer = .init(.stdout(), io, &buffer);
    const out = &file.interface;
    if (std.mem.eql(u8, scenario, "cat")) {
        var input: [4096]u8 = undefined;
        var reader: std.Io.File.Reader = .initStreaming(.stdin(), io, &input);
        _ = try reader.interface.streamRemaining(out);
    } else if (std.mem.eql(u8, scenario, "exit")) {
        try out.writeAll("bye");
        try out.flush();
        std.process.exit(try std.fmt.parseInt(u8, args[2], 10));
    } else if (std.mem.eql(u8, scenario, "trap")) {
        @trap();
    } else if (std.mem.eql(u8, scenario, "sleep")) {
        try std.Io.sleep(io, .fromMilliseconds(20), .awake);
        try out.writeAll("slept\n");
    } else if (std.mem.eql(u8, scenario, "files")) {
        const folder = switch (init.preopens.get(args[2]) orelse return error.NoSuchFolder) {
            .dir => |dir| dir,
            .file => return error.NotAFolder,
        };
        try files(io, folder, out);
    } else {
        for (args[1..]) |arg| try out.print("[{s}]\n", .{arg});
        var variables = init.environ_map.iterator();
        while (variables.next()) |variable| try out.print("{s}={s}\n", .{ variable.key_ptr.*, variable.value_ptr.* });
        std.debug.print("to standard error\n", .{});
    }
    try out.flush();
}

fn files(io: std.Io, folder: std.Io.Dir, out: *std.Io.Writer) !void {
    try folder.createDir(io, "inside", .default_dir);
    try folder.writeFile(io, .{ .sub_path = "inside/a.txt", .data = "one\ntwo\n" });
    try folder.rename("inside/a.txt", folder, "inside/b.txt", io);
    var text: [64]u8 = undefined;
    try out.writeAll(try folder.readFile(io, "inside/../inside/b.txt", &text));
    try out.print("{d}\n", .{(try folder.statFile(io, "inside/b.txt", .{})).size});
    if (folder.readFile(io, "none", &text)) |_| {
        return error.ThereIsOne;
    } else |reason| try out.print("{s}\n", .{@errorName(reason)});
    try folder.deleteFile(io, "inside/b.txt");
    try folder.deleteDir(io, "inside");
}
