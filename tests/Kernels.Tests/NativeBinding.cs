using System.Reflection;
using System.Runtime.InteropServices;

namespace Engine.Kernels.Tests;

/// <summary>A method that calls a native function, held against the function's prototype.</summary>
internal static class NativeBinding
{
    // The symbol of CUDA 12's and 13's cuda.h are not the same, and drivers of 12 have but the older one, whose prototype is the same.
    private static readonly HashSet<string> UnversionedOnPurpose = ["cuEventElapsedTime"];

    // The system's own libraries, of which the facts say nothing.
    private static readonly string[] SystemLibraries = ["libc", "libdl", "kernel32"];

    /// <summary>All methods of an assembly that call a native function, with the library's key and the function's name.</summary>
    internal static IEnumerable<(MethodInfo Method, string Library, string Function)> In(Assembly assembly) =>
        from type in assembly.GetTypes()
        from method in type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        let import = method.GetCustomAttribute<LibraryImportAttribute>()
        let dll = method.GetCustomAttribute<DllImportAttribute>()
        where import is not null || (dll is not null && !method.Name.StartsWith('<'))
        select (method, import?.LibraryName ?? dll.Value, import?.EntryPoint ?? dll?.EntryPoint ?? method.Name);

    /// <summary>Everything in which a method differs from the function that it calls, a line each.</summary>
    internal static IReadOnlyList<string> Faults(MethodInfo method, string key, string function)
    {
        if (SystemLibraries.Any(name => key.StartsWith(name, StringComparison.Ordinal)))
        {
            return [];
        }

        string library = $"lib{key}";
        if (!NativeFacts.Prototypes.TryGetValue(library, out Dictionary<string, NativePrototype>? functions))
        {
            return [$"{function}: of the library {key} no prototypes are known"];
        }

        if (NativeFacts.Macros.TryGetValue(function, out string? symbol) && symbol != function && !UnversionedOnPurpose.Contains(function))
        {
            return [$"{function}: cuda.h means {symbol} by this name"];
        }

        if (!functions.TryGetValue(function, out NativePrototype? prototype))
        {
            return [$"{function}: {library} has no such prototype"];
        }

        List<string> faults = [];
        if (NativeFacts.Exports(library) is not { } exports || !exports.Contains(function))
        {
            faults.Add($"{function}: {library} does not export it");
        }

        ParameterInfo[] parameters = method.GetParameters();
        if (parameters.Length != prototype.Parameters.Length)
        {
            faults.Add($"{function}: {parameters.Length} parameters, not {prototype.Parameters.Length}");
            return faults;
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            if (FaultOf(parameters[i].ParameterType, prototype.Parameters[i], prototype.Kinds[i]) is { } fault)
            {
                faults.Add($"{function}: parameter {i}, {parameters[i].Name}: {fault}");
            }
        }

        if (FaultOf(method.ReturnType, prototype.Returns, KindOfReturn(prototype.Returns)) is { } wrong)
        {
            faults.Add($"{function}: what it returns: {wrong}");
        }

        return faults;
    }

    private static string KindOfReturn(string type) => type switch
    {
        "void" => "void",
        "size_t" => "uint8",
        _ when type.EndsWith('*') => "ptr8",
        _ => "int4",
    };

    private static string? FaultOf(Type type, string native, string kind)
    {
        string own = KindOf(type);
        bool isInteger = native is "int" or "unsigned int" or "long long" or "unsigned long long" or "int64_t" or "size_t" or "const int" or "unsigned char";
        bool isSame = own == kind
            || (!isInteger && own.TrimStart('u') == kind.TrimStart('u') && kind.EndsWith("int4", StringComparison.Ordinal))
            || (native == "CUdeviceptr" && type == typeof(nint));
        return !isSame ? $"{own} ({type.Name}), not {kind} ({native})" : type.IsPointer ? FaultOfPointee(type.GetElementType()!, native) : null;
    }

    private static string? FaultOfPointee(Type pointee, string native)
    {
        string target = native.Replace("const ", "").Replace("*const", "*").Trim();
        if (!target.EndsWith('*') || pointee == typeof(void))
        {
            return null;
        }

        target = target[..^1].Trim();
        if (target == "void" || target.Length == 0)
        {
            return null;
        }

        if (NativeFacts.Structures.TryGetValue(target, out NativeStructure? structure))
        {
            return FaultOfStructure(pointee, target, structure);
        }

        int size = target switch
        {
            "char" or "unsigned char" => 1,
            "int" or "unsigned int" or "float" or "cuuint32_t" or "CUdevice" => 4,
            _ when NativeFacts.Enumerations.ContainsKey(target) || NativeFacts.Enumerations.ContainsKey(target.TrimEnd('t').TrimEnd('_')) => 4,
            _ => 8,
        };
        return SizeOf(pointee) == size ? null : $"points to {SizeOf(pointee)} bytes ({pointee.Name}), not to {size} ({target})";
    }

    private static string? FaultOfStructure(Type type, string name, NativeStructure structure)
    {
        if (!type.IsValueType || type.IsPrimitive)
        {
            return $"points to {type.Name}, not to the structure {name}";
        }

        if (Marshal.SizeOf(type) != structure.Size)
        {
            return $"{type.Name} has {Marshal.SizeOf(type)} bytes, {name} {structure.Size}";
        }

        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        Dictionary<int, int> own = fields.ToDictionary(field => (int)Marshal.OffsetOf(type, field.Name), field => SizeOf(field.FieldType));
        NativeField? wrong = structure.Fields.FirstOrDefault(
            field => !field.Name.StartsWith("reserved", StringComparison.Ordinal) && !field.Name.StartsWith("pad", StringComparison.Ordinal)
                && (!own.TryGetValue(field.Offset, out int size) || size != field.Size));
        return wrong is null ? null : $"{type.Name} has no field of {wrong.Size} bytes at {wrong.Offset}, where {name} has {wrong.Name}";
    }

    private static int SizeOf(Type type) => type.IsPointer ? IntPtr.Size : type.IsEnum ? Marshal.SizeOf(Enum.GetUnderlyingType(type)) : Marshal.SizeOf(type);

    private static string KindOf(Type type)
    {
        Type plain = type.IsEnum ? Enum.GetUnderlyingType(type) : type;
        return plain.IsPointer || plain.IsByRef || plain.IsFunctionPointer || plain == typeof(nint) || plain == typeof(string) ? "ptr8"
            : plain == typeof(void) ? "void"
            : plain == typeof(int) ? "int4"
            : plain == typeof(uint) ? "uint4"
            : plain == typeof(long) ? "int8"
            : plain == typeof(ulong) || plain == typeof(nuint) ? "uint8"
            : plain == typeof(byte) ? "uint1"
            : plain == typeof(float) ? "f4"
            : plain == typeof(double) ? "f8"
            : $"struct{Marshal.SizeOf(plain)}";
    }
}
